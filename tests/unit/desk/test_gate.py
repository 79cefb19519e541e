"""The risk gate."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from osiris_contracts import GateVerdict, Proposal
from osiris_desk.gate import judge
from osiris_desk.rules import Rules


def proposal(action: str = "adjust", **others: Any) -> Proposal:
    side = "LONG" if action == "adjust" else None
    return Proposal.model_validate(
        {"ticker": "SPY", "action": action, "side": side, "confidence": 1.0, "rationale": "it moves", **others}
    )


def verdict(proposed: Proposal | None = None, **others: Any) -> GateVerdict:
    situation: dict[str, Any] = {
        "symbol": "SPY",
        "quantity": 0.0,
        "target": 9.0,
        "price": 100.0,
        "nav": 100_000.0,
        "daily_pnl": 0.0,
        "unreported_since": None,
        "rules": Rules(),
    }
    return judge(proposed or proposal(), **{**situation, **others})


def test_a_position_below_one_percent_of_nav_is_let_through() -> None:
    assert verdict(target=9.9999) == GateVerdict(accepted=True)


def test_a_position_of_one_percent_of_nav_is_rejected() -> None:
    assert verdict(target=-10.0).reasons == ("expected a position below 1% of NAV, was 1.0000%",)


def test_a_daily_loss_of_two_percent_of_nav_is_rejected() -> None:
    assert verdict(daily_pnl=-1999.99).accepted
    assert verdict(daily_pnl=-2000.0).reasons == ("expected a daily P&L above -2% of NAV, was -2.0000%",)


def test_every_reason_is_told() -> None:
    assert len(verdict(target=20.0, daily_pnl=-3000.0, unreported_since=datetime(2024, 1, 2, tzinfo=UTC)).reasons) == 3


def test_a_proposal_for_another_instrument_is_rejected_whatever_it_wants() -> None:
    for action in ("adjust", "pass", "abort"):
        wrong = proposal(action, ticker="QQQ")
        assert verdict(wrong, quantity=5.0, target=0.0).reasons == ("expected a proposal for SPY, was for QQQ",)


def test_nothing_is_opened_while_an_order_has_no_report() -> None:
    reasons = verdict(unreported_since=datetime(2024, 1, 2, 10, tzinfo=UTC)).reasons
    assert reasons == ("expected the venue's report of the order of 2024-01-02 10:00, none came",)


def test_a_stop_at_the_price_is_rejected() -> None:
    assert "expected new_stop_pct above 0 or null" in verdict(proposal(new_stop_pct=0)).reasons[0]


def test_a_book_that_is_worth_nothing_opens_nothing() -> None:
    assert verdict(nav=0.0).reasons == ("expected NAV above 0, was 0.00",)


def test_passing_is_let_through_on_a_bad_day() -> None:
    assert verdict(proposal("pass"), quantity=9.0, target=9.0, daily_pnl=-5000.0).accepted


@given(
    st.sampled_from(["quantity", "target", "price", "nav", "daily_pnl"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.sampled_from(["adjust", "pass", "abort"]),
)
def test_what_is_not_finite_is_rejected(name: str, value: float, action: str) -> None:
    told = verdict(proposal(action), **{name: value})
    assert not told.accepted
    assert name in told.reasons[0]


anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.floats(-1e6, 1e6), st.floats(0, 1, exclude_max=True), anything, anything, anything)
def test_an_order_that_reduces_exposure_is_never_blocked(
    quantity: float, part: float, price: float, nav: float, daily_pnl: float
) -> None:
    target = quantity * part
    assume(abs(target) < abs(quantity))
    pending = datetime(2024, 1, 2, tzinfo=UTC)
    situation = {"quantity": quantity, "target": target, "price": price, "nav": nav, "daily_pnl": daily_pnl}
    for action in ("adjust", "abort"):
        assert verdict(proposal(action), unreported_since=pending, **situation).accepted


@given(st.floats(0.0001, 1e6), st.floats(0.0001, 1e6))
def test_a_turn_is_no_reduction(held: float, target: float) -> None:
    assert not verdict(quantity=held, target=-target, daily_pnl=-5000.0).accepted


@pytest.mark.parametrize(
    "wrong",
    [
        {"ticks_per_proposal": 0},
        {"max_position_size_pct": 0},
        {"max_position_size_pct": math.nan},
        {"max_daily_loss_pct": 101},
        {"starting_cash": math.inf},
        {"starting_cash": 0},
    ],
)
def test_a_policy_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"expected {next(iter(wrong))}"):
        Rules(**wrong)
