"""What became of a decision: from bars and fills alone, once its horizon has passed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Fill, GenerateResult, Order, Proposal, ProposalOutcome, Usage
from osiris_desk.book import Book
from osiris_desk.desk import Desk
from osiris_desk.outcomes import Pending, observe
from osiris_desk.policy.shipped import shipped
from osiris_desk.rules import Rules
from osiris_desk.state import State
from osiris_desk.tick import Tick

START = datetime(2024, 1, 2, 10, tzinfo=UTC)


def bar(number: int, close: float = 100.0, symbol: str = "SPY") -> Tick:
    at = START + timedelta(hours=number)
    return Tick(symbol=symbol, timestamp=at, open=close, high=close, low=close, close=close, volume=1000.0)


def answer(proposal: Proposal | None = None) -> GenerateResult:
    return GenerateResult(
        model_id="phi3" if proposal else "hermes",
        model_version="v1",
        text="Score: 8/10",
        proposal=proposal,
        finish_reason="stop",
        usage=Usage(prompt_tokens=1, completion_tokens=1),
    )


def decide(desk: Desk, action: str = "adjust", ticker: str = "SPY") -> Order | None:
    """Decide the run that is due."""
    side = "LONG" if action == "adjust" else None
    proposal = Proposal(ticker=ticker, action=action, side=side, confidence=1, rationale="it moves")
    desk.decide_on(answer(proposal))
    return desk.conclude(answer()).order if desk.due() else None


def fill_of(order: Order, price: float, fee: float = 0.1) -> Fill:
    return Fill(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity or 0,
        price=price,
        fee=fee,
        timestamp=order.as_of + timedelta(hours=1),
        reason="order",
    )


def desk_of(**given: Any) -> Desk:
    rules = Rules(ticks_per_proposal=5, **given)
    return Desk(State.fresh(rules, shipped().version), rules, shipped())


def bring(desk: Desk, numbers: range, closes: dict[int, float] | None = None) -> list[ProposalOutcome]:
    """Bring bars; what they made known."""
    known = []
    for number in numbers:
        desk.on_tick(bar(number, (closes or {}).get(number, 100.0)))
        known += desk.outcomes
    return known


def test_a_decision_earns_what_its_position_gained_until_the_next_one() -> None:
    desk = desk_of()
    assert bring(desk, range(5)) == []
    order = decide(desk)
    assert order is not None
    assert order.quantity == 9.9999
    desk.on_execution(fill_of(order, price=101.0))
    (outcome,) = bring(desk, range(5, 10), {9: 103.0})
    assert outcome.pnl == pytest.approx(9.9999 * (103 - 101) - 0.1)
    assert (outcome.transaction_id, outcome.horizon_bars, outcome.fees) == (desk.state.last_run, 5, 0.1)
    assert (outcome.decided_at, outcome.observed_at) == (bar(4).timestamp, bar(9).timestamp)
    assert (outcome.entry_close, outcome.exit_close) == (100.0, 103.0)
    assert outcome.return_pct == pytest.approx(100 * outcome.pnl / 100_000)
    assert desk.state.pending == ()


def test_keeping_a_position_earns_from_the_close_at_which_it_was_kept() -> None:
    desk = desk_of()
    bring(desk, range(5))
    order = decide(desk)
    assert order is not None
    desk.on_execution(fill_of(order, price=101.0))
    bring(desk, range(5, 10), {9: 103.0})
    assert decide(desk, "pass") is None
    (outcome,) = bring(desk, range(10, 15), {14: 102.0})
    assert outcome.pnl == pytest.approx(9.9999 * (102 - 103))


def test_what_the_gate_rejected_earns_nothing_and_is_not_told() -> None:
    desk = desk_of()
    bring(desk, range(5))
    decide(desk, ticker="OIL")
    assert bring(desk, range(5, 10)) == []


def test_a_longer_horizon_waits_and_survives_a_restart() -> None:
    desk = desk_of(outcome_bars=7)
    bring(desk, range(5))
    decide(desk, "pass")
    assert bring(desk, range(5, 10)) == []
    decide(desk, "pass")
    restored = Desk(State.from_json(desk.state.to_json()), desk.rules, shipped())
    assert bring(desk, range(10, 12)) == bring(restored, range(10, 12)) != []


def test_only_bars_of_its_own_symbol_count() -> None:
    desk = desk_of()
    bring(desk, range(5))
    decide(desk, "pass")
    for number in range(5, 9):
        desk.on_tick(bar(number, symbol="OIL"))
    assert desk.state.pending[0].bars == 0


def test_a_horizon_is_bounded() -> None:
    with pytest.raises(ValueError, match="expected outcome_bars from 1 to 500, was 501"):
        Rules(outcome_bars=501)
    assert Rules(ticks_per_proposal=9).horizon == 9


prices = st.floats(1, 1000)
trades = st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.floats(0.1, 50), prices, st.floats(0, 5)), max_size=6)


@given(trades, prices, prices)
def test_the_outcome_is_what_nav_gained(
    trades: list[tuple[str, float, float, float]], entry: float, close: float
) -> None:
    """Of a desk with one symbol."""
    before = Book.opened(100_000).mark(bar(0, entry))
    fills = [
        Fill(
            order_id=uuid4(),
            symbol="SPY",
            side=side,
            quantity=quantity,
            price=price,
            fee=fee,
            timestamp=bar(1).timestamp,
            reason="order",
        )
        for side, quantity, price, fee in trades
    ]
    after = before
    for fill in fills:
        after = after.apply(fill)
    after = after.mark(bar(1, close))
    waits = Pending(transaction_id=uuid4(), symbol="SPY", decided_at=START, close=entry, quantity=0, nav=before.nav)
    waiting, (observed,) = observe([waits], bar(1, close), fills, after.position("SPY").quantity, horizon=1)
    assert waiting == ()
    assert observed.outcome.pnl == pytest.approx(after.nav - before.nav, abs=1e-6)
