"""From a proposal to an order."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import BarRange, Order, Proposal
from osiris_desk.book import Position
from osiris_desk.gate import judge
from osiris_desk.orders import order_for
from osiris_desk.rules import Rules
from osiris_desk.run_id import order_id
from osiris_desk.sizing import LOT, target_quantity

RUN = UUID(int=7)
START = datetime(2024, 1, 2, 10, tzinfo=UTC)
BARS = BarRange(first=START, last=START + timedelta(hours=4), count=5, open=99, high=102, low=98, close=100)


def adjust(side: str = "LONG", confidence: float = 1.0, stop: float | None = 5, target: float | None = 10) -> Proposal:
    return Proposal.model_validate(
        {
            "ticker": "SPY",
            "action": "adjust",
            "side": side,
            "new_stop_pct": stop,
            "new_target_pct": target,
            "confidence": confidence,
            "rationale": "it moves",
        }
    )


PASS = Proposal(ticker="SPY", action="pass", confidence=1, rationale="nothing moves")
ABORT = Proposal(ticker="SPY", action="abort", confidence=1, rationale="it fell")


def units(proposal: Proposal, quantity: float = 0.0, nav: float = 100_000.0, price: float = 100.0) -> float:
    return target_quantity(proposal, quantity=quantity, nav=nav, price=price, rules=Rules())


def order(proposal: Proposal, position: Position | None = None) -> Order | None:
    position = position or Position()
    return order_for(
        proposal,
        run=RUN,
        symbol="SPY",
        position=position,
        target=units(proposal, position.quantity),
        bars=BARS,
    )


def sent(proposal: Proposal, **position: Any) -> tuple[Any, ...] | None:
    made = order(proposal, Position(**position))
    return made and (made.side, made.quantity, made.stop_price, made.target_price)


def test_full_confidence_holds_the_most_the_gate_lets_through() -> None:
    assert units(adjust()) == 9.9999  # 10 units would be the 1 % that is rejected


def test_half_the_confidence_holds_half_of_it_in_whole_lots() -> None:
    assert units(adjust(confidence=0.5)) == 4.9999
    assert units(adjust("SHORT", confidence=0.5)) == -4.9999


def test_passing_keeps_and_aborting_is_flat() -> None:
    assert units(PASS, quantity=3.0) == 3.0
    assert units(ABORT, quantity=3.0) == 0.0


@given(st.floats(1, 1e12), st.floats(1e-9, 1e9), st.floats(0, 1), st.floats(0.01, 100), st.sampled_from("LS"))
def test_what_is_sized_is_never_too_large_for_the_gate(
    nav: float, price: float, confidence: float, limit: float, side: str
) -> None:
    proposal = adjust("LONG" if side == "L" else "SHORT", confidence)
    rules = Rules(max_position_size_pct=limit)
    target = target_quantity(proposal, quantity=0.0, nav=nav, price=price, rules=rules)
    verdict = judge(
        proposal,
        symbol="SPY",
        quantity=0.0,
        target=target,
        price=price,
        nav=nav,
        daily_pnl=0.0,
        unreported_since=None,
        rules=rules,
    )
    assert verdict.accepted, verdict.reasons
    whole = abs(target) / LOT
    assert whole == pytest.approx(round(whole), rel=1e-9)


@pytest.mark.parametrize("nav", [0.0, -5.0, float("nan"), float("inf")])
def test_without_a_nav_nothing_is_held(nav: float) -> None:
    assert units(adjust(), nav=nav) == 0.0
    assert units(adjust(), nav=1e308, price=1e-300) == 0.0


def test_a_position_is_opened_with_its_protection() -> None:
    assert order(adjust()) == Order(
        order_id=order_id(RUN),
        symbol="SPY",
        side="BUY",
        quantity=9.9999,
        stop_price=95,
        target_price=110.00000000000001,
        as_of=BARS.last,
    )
    assert sent(adjust("SHORT")) == ("SELL", 9.9999, 105, 90)


def test_a_position_is_turned_by_one_order_through_zero() -> None:
    assert sent(adjust("SHORT", stop=None, target=None), quantity=4.0) == ("SELL", 13.9999, None, None)


def test_a_position_is_resized_by_the_difference() -> None:
    assert sent(adjust(confidence=0.5), quantity=6.0) == ("SELL", 1.0001, 95, 110.00000000000001)


def test_a_change_below_one_lot_only_renews_the_protection() -> None:
    assert sent(adjust(), quantity=9.99985) == (None, None, 95, 110.00000000000001)


def test_a_position_that_is_as_proposed_needs_no_order() -> None:
    assert sent(adjust(), quantity=9.9999, stop_price=95, target_price=110.00000000000001) is None


def test_aborting_sells_all_of_it_and_takes_the_protection_away() -> None:
    assert sent(ABORT, quantity=3.14159, stop_price=95) == ("SELL", 3.14159, None, None)
    assert sent(ABORT, quantity=-0.00005) == ("BUY", 0.00005, None, None)
    assert sent(ABORT) is None


def test_passing_sends_nothing() -> None:
    assert sent(PASS, quantity=3.0, stop_price=95) is None


def test_no_confidence_is_flat() -> None:
    assert sent(adjust(confidence=0), quantity=3.0) == ("SELL", 3.0, None, None)
    assert sent(adjust(confidence=0)) is None


def test_a_level_that_can_never_be_reached_is_none() -> None:
    assert sent(adjust(stop=100, target=100)) == ("BUY", 9.9999, None, 200)
    assert sent(adjust("SHORT", stop=100, target=100)) == ("SELL", 9.9999, 200, None)
