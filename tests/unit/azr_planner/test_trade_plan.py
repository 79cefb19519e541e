"""ENTER, EXIT or HOLD, and the gate over it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osiris_azr_planner.trade.answer import RiskRejected, propose_trade
from osiris_azr_planner.trade.gate import judge
from osiris_azr_planner.trade.plan import Plan, make_plan
from osiris_contracts import Leg, TradeQuestion

LIMIT = 1e9
CALM = [100_000.0] * 31
WILD = [100.0, 60.0] * 15 + [100.0]
UNEASY = [100.0] * 30 + [90.0]  # risk 0.57


def question(**facts: Any) -> TradeQuestion:
    given = {
        "instrument": "MES",
        "equity_curve": CALM,
        "bars": [{"high": 5001, "low": 4999, "close": 5000}] * 15,
        "n_successes": 20,
        "n_failures": 3,
    }
    return TradeQuestion.model_validate(given | facts)


def buy(size: float = 1.0, price: float = 100.0, *, reduces: bool = False, instrument: str = "SPY") -> Leg:
    return Leg(instrument=instrument, side="BUY", size=size, price=price, reduces=reduces)


def test_calm_and_confident_enters_long() -> None:
    plan = propose_trade(question(), LIMIT)
    assert (plan.action, plan.latent_risk, plan.confidence) == ("ENTER", 0.0, 0.767)
    assert plan.legs == (Leg(instrument="MES", side="BUY", size=8.0, price=5000.0, reduces=False),)
    assert plan.reasons == ("risk 0.000 is below 0.25", "confidence 0.767 is above 0.7")


def test_what_is_held_already_is_not_bought_again() -> None:
    assert propose_trade(question(position=3), LIMIT).legs[0].size == 5.0
    held = propose_trade(question(position=8), LIMIT)
    assert (held.action, held.legs) == ("HOLD", ())
    assert "8 are wanted and 8 held" in held.reasons[-1]
    assert propose_trade(question(position=20), LIMIT).action == "HOLD"


def test_less_than_a_thousandth_of_a_contract_is_not_worth_it() -> None:
    assert propose_trade(question(equity_curve=[12.6] * 31), LIMIT).legs[0].size == pytest.approx(0.001008)
    assert propose_trade(question(equity_curve=[12.4] * 31), LIMIT).action == "HOLD"


def test_a_short_position_is_closed_before_anything_is_bought() -> None:
    legs = propose_trade(question(position=-2), LIMIT).legs
    assert [(leg.side, leg.size, leg.reduces) for leg in legs] == [("BUY", 2.0, True), ("BUY", 8.0, False)]


@pytest.mark.parametrize("facts", [{"equity_curve": WILD}, {"n_failures": 60}])
def test_risk_or_failure_exits_what_is_held(facts: dict[str, Any]) -> None:
    (leg,) = propose_trade(question(position=3.5, **facts), LIMIT).legs
    assert (leg.side, leg.size, leg.reduces) == ("SELL", 3.5, True)
    (leg,) = propose_trade(question(position=-2, **facts), LIMIT).legs
    assert (leg.side, leg.size) == ("BUY", 2.0)
    flat = propose_trade(question(**facts), LIMIT)
    assert (flat.action, flat.legs) == ("EXIT", ())
    assert flat.reasons[-1] == "nothing is held, so nothing is sold"


def test_in_between_nothing_changes() -> None:
    plan = make_plan(question(n_successes=10, n_failures=3))  # 13 / 20
    assert (plan.action, plan.legs) == ("HOLD", ())
    assert plan.reasons == ("confidence 0.650 is not above 0.7", "nothing asks for an exit")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"equity_curve": UNEASY}, "high_risk"),
        ({"equity_curve": UNEASY, "n_failures": 12}, "high_risk"),  # the first of the two
        ({"n_failures": 12}, "low_confidence"),
        ({"position_limit": 199_999}, "position_limit"),
    ],
)
def test_the_gate_says_what_is_wrong_first(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(RiskRejected) as rejected:
        propose_trade(question(**facts), LIMIT)
    assert rejected.value.reason == reason


def test_a_question_cannot_lift_the_services_limit() -> None:
    assert propose_trade(question(), 200_000).action == "ENTER"
    with pytest.raises(RiskRejected):
        propose_trade(question(position_limit=1e12), 199_999)


def test_the_gate_at_its_limits() -> None:
    def verdict(risk: float = 0.1, sure: float = 0.9, *legs: Leg) -> str | None:
        return judge(Plan("HOLD" if not legs else "ENTER", risk, sure, (), legs), 1_000)

    assert verdict(0.35 + 5e-10) is None
    assert verdict(0.35 + 2e-9) == "high_risk"
    assert verdict(0.1, 0.60 - 5e-10) is None
    assert verdict(0.1, 0.60 - 2e-9) == "low_confidence"
    assert verdict(0.1, 0.9, buy(10)) is None
    assert verdict(0.1, 0.9, buy(10), buy(0.01)) == "position_limit"
    assert verdict(0.1, 0.9, buy(2, instrument="MES")) is None
    assert verdict(0.1, 0.9, buy(2.1, instrument="MES")) == "position_limit"
    assert verdict(0.1, 0.9, buy(10), buy(1e6, reduces=True)) is None


def test_less_exposure_always_passes() -> None:
    assert judge(Plan("EXIT", 1.0, 0.0, (), (buy(1e6, reduces=True),)), 1) is None


@given(
    st.floats(1e-6, 1e9),
    st.integers(0, 200),
    st.integers(0, 200),
    st.floats(-1e6, 1e6),
    st.lists(st.floats(1.0, 1e6), min_size=31, max_size=31),
)
def test_nobody_is_ever_left_short(close: float, wins: int, losses: int, position: float, curve: list[float]) -> None:
    bars = [{"high": close, "low": close, "close": close}] * 15
    asked = question(bars=bars, n_successes=wins, n_failures=losses, position=position, equity_curve=curve)
    plan = make_plan(asked)
    after = position + sum(leg.size if leg.side == "BUY" else -leg.size for leg in plan.legs)
    if plan.action == "EXIT":
        assert after == 0
    else:
        assert after >= min(position, 0)
    assert sum(leg.size for leg in plan.legs if leg.side == "SELL") <= max(position, 0)


def test_what_else_was_seen() -> None:
    bars = [{"high": 101 + n, "low": 99 + n, "close": 100 + n} for n in range(15)]
    seen = propose_trade(question(instrument="SPY", bars=bars, volume=[1, 1, 4], risk_free_rate=0.05), LIMIT).signals
    assert seen.atr == 2.0
    assert seen.relative_volume == 2.0
    assert 100 < seen.ema < 114
    assert seen.kelly_fraction == 0  # nothing was earned beyond the risk-free rate


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"equity_curve": CALM[1:]}, "equity_curve"),
        ({"equity_curve": [*CALM, 0.0]}, "equity_curve"),
        ({"equity_curve": [*CALM, float("nan")]}, "equity_curve"),
        ({"bars": [{"high": 1, "low": 1, "close": 1}] * 14}, "bars"),
        ({"bars": [{"high": 1, "low": 2, "close": 1}] * 15}, "bars"),
        ({"n_successes": -1}, "n_successes"),
        ({"risk_free_rate": 0.21}, "risk_free_rate"),
        ({"risk_free_rate": -0.01}, "risk_free_rate"),
        ({"instrument": "mes"}, "instrument"),
        ({"position": float("inf")}, "position"),
        ({"volume": [-1]}, "volume"),
        ({"leverage": 5}, "leverage"),
    ],
)
def test_questions_that_make_no_sense_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        question(**change)
