"""The desk, from bars to decisions."""

import hashlib
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_contracts import (
    Decision,
    ErrorReply,
    Fill,
    GenerateRequest,
    GenerateResult,
    Order,
    OrderRejection,
    Proposal,
    Usage,
)
from osiris_desk.desk import Desk, ReportRefused, TickRefused
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.policy.shipped import shipped
from osiris_desk.policy.shipped.advised.policy import situation
from osiris_desk.rules import Rules
from osiris_desk.state import State
from osiris_desk.steps import CritiqueRequest
from osiris_desk.tick import Tick
from osiris_desk.values import changed
from osiris_orchestrator.rows import RUNS, run_row
from osiris_store import Table

START = datetime(2024, 1, 2, 10, tzinfo=UTC)
TIMEOUT = ErrorReply(code="deadline_exceeded", message="expected an answer within 30 s, none came")


def bar(number: int, close: float = 100.0, *, low: float | None = None, symbol: str = "SPY") -> Tick:
    return Tick(
        symbol=symbol,
        timestamp=START + timedelta(hours=number),
        open=close,
        high=close,
        low=low or close,
        close=close,
        volume=1000.0,
    )


def answer(text: str = "", proposal: Proposal | None = None) -> GenerateResult:
    return GenerateResult(
        model_id="phi3" if proposal else "hermes",
        model_version="v1",
        text=proposal.model_dump_json() if proposal else text,
        proposal=proposal,
        finish_reason="stop",
        usage=Usage(prompt_tokens=1, completion_tokens=1),
    )


def propose(action: str = "adjust", **others: Any) -> GenerateResult:
    side = "LONG" if action == "adjust" else None
    fields = {"ticker": "SPY", "action": action, "side": side, "confidence": 1.0, "rationale": "it moves", **others}
    return answer(proposal=Proposal.model_validate(fields))


ADVISED = shipped()
CRITIQUE = answer("It is small and protected. Score: 8/10")


def fresh(policy: LoadedPolicy = ADVISED, **given: Any) -> Desk:
    rules = Rules(**given)
    return Desk(State.fresh(rules, policy.version), rules, policy)


def run(desk: Desk, phi3: GenerateResult | ErrorReply, hermes: GenerateResult | ErrorReply = CRITIQUE) -> Decision:
    """Bring bars until a run is due, and decide it."""
    number = 0 if not desk.state.windows else round((desk.state.windows["SPY"].last - START).total_seconds() / 3600) + 1
    while desk.on_tick(bar(number)) is None:
        number += 1
    step = desk.decide_on(phi3)
    return desk.conclude(hermes) if isinstance(step, CritiqueRequest) else step


def fill_of(order: Order, price: float = 100.0) -> Fill:
    return Fill(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity or 0,
        price=price,
        fee=0.1,
        timestamp=order.as_of + timedelta(hours=1),
        reason="order" if order.side else "protection",
    )


def with_position(desk: Desk) -> Desk:
    """The desk, long 9.9999 SPY, with the next run's bars still to come."""
    opened = run(desk, propose(new_stop_pct=5, new_target_pct=10))
    desk.on_execution(fill_of(opened.order))
    return desk


# --- the cycle


def test_twelve_bars_make_two_runs_and_two_bars_are_kept() -> None:
    desk, decisions = fresh(), []
    for number in range(12):
        if desk.on_tick(bar(number)):
            assert isinstance(desk.decide_on(propose("pass")), CritiqueRequest)
            decisions.append(desk.conclude(CRITIQUE))
    assert [(decision.sequence, decision.bars.count) for decision in decisions] == [(1, 5), (2, 5)]
    assert [kept.timestamp for kept in desk.state.windows["SPY"].bars] == [bar(10).timestamp, bar(11).timestamp]


def test_an_accepted_proposal_becomes_a_decision_and_an_order() -> None:
    desk = fresh(seed=3)
    decision = run(desk, propose(new_stop_pct=5, new_target_pct=20))
    assert (decision.status, decision.sequence, decision.error) == ("accepted", 1, None)
    assert decision.critique is not None
    assert decision.critique.score == 8
    assert decision.order is not None
    assert (decision.order.side, decision.order.quantity, decision.order.stop_price) == ("BUY", 9.9999, 95)
    assert decision.order.as_of == decision.bars.last == bar(4).timestamp
    assert desk.state.open_orders == {decision.order.order_id: decision.order}


def test_the_models_are_asked_about_the_situation_under_ids_of_the_run() -> None:
    desk = fresh()
    for number in range(5):
        due = desk.on_tick(bar(number))
    assert due is not None
    assert due.request == GenerateRequest(
        prompt=situation(due.features) + "\n\nPropose what to do with SPY now: adjust, pass or abort.",
        ticker="SPY",
        seed=due.request.seed,
    )
    step = desk.decide_on(propose())
    assert isinstance(step, CritiqueRequest)
    assert step.request.prompt.startswith(situation(due.features))
    assert '"action":"adjust"' in step.request.prompt
    assert step.run_id == due.run_id
    assert len({step.run_id, step.request_id, due.request_id}) == 3


def test_a_run_that_was_cut_off_begins_again_under_the_same_ids() -> None:
    desk = fresh()
    for number in range(5):
        due = desk.on_tick(bar(number))
    asked = desk.decide_on(propose())
    again = Desk(State.from_json(desk.state.to_json()), desk.rules, ADVISED)
    assert again.due() == due
    assert again.decide_on(propose()) == asked
    assert again.conclude(CRITIQUE) == desk.conclude(CRITIQUE)
    assert again.due() is None


def test_a_critique_without_a_score_has_none() -> None:
    decision = run(fresh(), propose(), answer("A fine trade."))
    assert decision.critique is not None
    assert decision.critique.score is None
    assert decision.status == "accepted"


def test_passing_changes_nothing() -> None:
    decision = run(fresh(), propose("pass"))
    assert (decision.status, decision.order, decision.critique is not None) == ("passed", None, True)


def test_each_symbol_has_its_own_window() -> None:
    desk = fresh(ticks_per_proposal=2)
    assert desk.on_tick(bar(0)) is None
    assert desk.on_tick(bar(0, symbol="QQQ")) is None
    due = desk.on_tick(bar(1, symbol="QQQ"))
    assert due is not None
    assert due.symbol == "QQQ"


# --- what goes wrong


def test_a_rejected_proposal_says_why_and_skips_the_critique() -> None:
    desk = fresh()
    decision = run(desk, propose(ticker="QQQ"))
    assert (decision.status, decision.critique, decision.order) == ("rejected", None, None)
    assert decision.verdict is not None
    assert decision.verdict.reasons == ("expected a proposal for SPY, was for QQQ",)


def test_a_failed_proposal_is_a_recorded_run_and_the_loop_goes_on() -> None:
    desk = fresh()
    decision = run(desk, TIMEOUT)
    assert (decision.status, decision.proposal, decision.verdict) == ("failed", None, None)
    assert decision.error == "phi3: deadline_exceeded: expected an answer within 30 s, none came"
    assert run(desk, answer("not a proposal")).error == "phi3: expected a proposal, hermes sent only text"
    assert (run(desk, propose("pass")).status, desk.state.sequence) == ("passed", 3)


def test_without_a_critique_nothing_is_opened() -> None:
    decision = run(fresh(), propose(), TIMEOUT)
    assert (decision.status, decision.order, decision.critique) == ("failed", None, None)
    assert decision.error == "hermes: deadline_exceeded: expected an answer within 30 s, none came"
    assert decision.proposal is not None


def test_without_a_critique_exposure_is_still_reduced() -> None:
    decision = run(with_position(fresh()), propose("abort"), TIMEOUT)
    assert decision.status == "accepted"
    assert decision.error is not None
    assert decision.order is not None
    assert (decision.order.side, decision.order.quantity) == ("SELL", 9.9999)


def test_on_a_bad_day_nothing_is_opened_but_what_is_held_can_be_left() -> None:
    desk = with_position(fresh(max_daily_loss_pct=0.01))
    for number in range(5, 10):
        desk.on_tick(bar(number, close=50))
    decision = desk.decide_on(propose(side="SHORT"))
    assert isinstance(decision, Decision)
    assert "daily P&L" in decision.verdict.reasons[0]
    assert run(desk, propose("abort")).order.side == "SELL"


def test_while_orders_are_stopped_nothing_is_opened_but_what_is_held_can_be_left() -> None:
    desk = with_position(fresh())
    desk.obey("stop")
    refused = run(desk, propose(side="SHORT"))
    assert (refused.status, refused.order, refused.critique) == ("rejected", None, None)
    assert refused.verdict.reasons == ("expected new orders to be allowed, the owner stopped them",)
    left = run(desk, propose("abort"))
    assert left.order.side == "SELL"
    desk.on_execution(fill_of(left.order))
    desk.obey("allow")
    assert run(desk, propose()).verdict.accepted


def test_a_stop_while_the_critic_writes_holds_the_order_back_and_keeps_the_critique() -> None:
    desk = fresh()
    for number in range(5):
        desk.on_tick(bar(number))
    assert isinstance(desk.decide_on(propose()), CritiqueRequest)
    desk.obey("stop")
    decision = desk.conclude(CRITIQUE)
    assert (decision.status, decision.order) == ("rejected", None)
    assert decision.critique.score == 8
    assert not desk.state.open_orders


def test_what_the_owner_said_outlives_a_restart() -> None:
    desk = fresh()
    desk.obey("stop")
    desk.obey("pause")
    again = State.from_json(desk.state.to_json())
    assert (again.orders_stopped, again.paused) == (True, True)
    assert Desk(again, desk.rules, ADVISED).due() is None


def test_a_bar_that_is_not_new_is_refused_and_changes_nothing() -> None:
    desk = fresh()
    desk.on_tick(bar(3))
    before = desk.state
    for number in (3, 2):
        with pytest.raises(TickRefused, match="expected a SPY bar after"):
            desk.on_tick(bar(number))
        assert desk.awaiting(bar(number)) == set()
    assert desk.state is before


def test_a_bar_that_makes_nav_overflow_is_refused() -> None:
    desk = with_position(fresh())
    desk.on_tick(bar(5))
    with pytest.raises(TickRefused, match="NAV finite"):
        desk.on_tick(bar(6, close=1e308))
    assert desk.on_tick(bar(6)) is None


def test_the_steps_of_a_run_come_in_order() -> None:
    desk = fresh(ticks_per_proposal=1)
    with pytest.raises(RuntimeError, match="none is"):
        desk.decide_on(propose())
    desk.on_tick(bar(0))
    with pytest.raises(RuntimeError, match="before the next bar"):
        desk.on_tick(bar(1))
    with pytest.raises(RuntimeError, match="only after decide_on"):
        desk.conclude(CRITIQUE)


# --- fills


def test_a_bar_waits_for_the_report_of_an_order_sent_before_it() -> None:
    desk = fresh()
    order = run(desk, propose()).order
    assert desk.awaiting(bar(5)) == {order.order_id}
    assert desk.awaiting(bar(5, symbol="QQQ")) == set()
    assert desk.on_execution(fill_of(order))
    assert desk.awaiting(bar(5)) == set()


def test_a_fill_is_booked_with_its_bar_and_once() -> None:
    desk = fresh()
    order = run(desk, propose(new_stop_pct=5)).order
    assert desk.on_execution(fill_of(order, price=101))
    assert not desk.on_execution(fill_of(order, price=101))
    assert desk.state.book.cash == 100_000
    desk.on_tick(bar(5, close=102))
    assert desk.state.book.cash == pytest.approx(100_000 - 9.9999 * 101 - 0.1)
    assert desk.state.book.position("SPY").stop_price == 95
    assert (desk.state.open_orders, desk.state.held) == ({}, ())
    assert not desk.on_execution(fill_of(order, price=101))


def test_a_rejected_order_is_no_longer_awaited() -> None:
    desk = fresh()
    order = run(desk, propose()).order
    rejection = OrderRejection(order_id=order.order_id, symbol="SPY", reason="market closed", timestamp=None)
    assert desk.on_execution(rejection)
    assert not desk.on_execution(rejection)
    assert desk.awaiting(bar(5)) == set()
    desk.on_tick(bar(5))
    assert desk.state.book.nav == 100_000


def test_while_an_order_has_no_report_nothing_is_opened() -> None:
    desk = fresh()
    run(desk, propose())
    decision = run(desk, propose("adjust", side="SHORT"))
    assert decision.verdict.reasons == ("expected the venue's report of the order of 2024-01-02 14:00, none came",)


def test_a_stop_that_was_hit_flattens_the_book_with_its_bar() -> None:
    desk = with_position(fresh())
    desk.on_tick(bar(5))
    falls = bar(6, low=94)
    stopped = Fill(
        order_id=uuid4(),
        symbol="SPY",
        side="SELL",
        quantity=9.9999,
        price=95,
        fee=0.1,
        timestamp=falls.timestamp,
        reason="stop",
    )
    assert desk.on_execution(stopped)
    assert desk.state.book.position("SPY").quantity == 9.9999, "its bar has not come yet"
    desk.on_tick(falls)
    assert desk.state.book.position("SPY").quantity == 0
    assert desk.state.book.nav == pytest.approx(100_000 - 9.9999 * 5 - 0.2)


# --- replay


class Venue:
    """The rules of the market: orders fill at the next open, then the bar's range meets stop and target."""

    def __init__(self) -> None:
        self.waiting: list[Order] = []
        self.quantity = 0.0
        self.carrier: Order | None = None

    def on_bar(self, tick: Tick) -> list[Fill]:
        fills = []
        for order in self.waiting:
            self.quantity += 0 if order.side is None else (order.quantity if order.side == "BUY" else -order.quantity)
            self.quantity = round(self.quantity, 10)
            self.carrier = order
            fills.append(self.fill(tick, order, order.side, order.quantity or 0, tick.open, None))
        self.waiting = []
        if self.quantity and self.carrier:
            below, above = self.carrier.stop_price, self.carrier.target_price
            if self.quantity < 0:
                below, above = above, below
            for level, hit in ((below, below and tick.low <= below), (above, above and tick.high >= above)):
                if hit and self.quantity:
                    reason = "stop" if level == self.carrier.stop_price else "target"
                    side = "SELL" if self.quantity > 0 else "BUY"
                    fills.append(self.fill(tick, self.carrier, side, abs(self.quantity), level, reason))
                    self.quantity = 0.0
        return fills

    def fill(
        self, tick: Tick, order: Order, side: str | None, quantity: float, price: float, reason: str | None
    ) -> Fill:
        return Fill.model_validate(
            {
                "order_id": order.order_id,
                "symbol": tick.symbol,
                "side": side,
                "quantity": quantity,
                "price": price,
                "fee": quantity * 0.01,
                "timestamp": tick.timestamp,
                "reason": reason or ("order" if order.side else "protection"),
            }
        )


def market(seed: int, count: int) -> list[Tick]:
    dice, price, bars = random.Random(seed), 100.0, []
    for number in range(count):
        opened, price = price, price * (1 + dice.gauss(0, 0.02))
        bars.append(
            Tick(
                symbol="SPY",
                timestamp=START + timedelta(hours=number),
                open=opened,
                high=max(opened, price) * 1.005,
                low=min(opened, price) * 0.995,
                close=price,
                volume=1000.0,
            )
        )
    return bars


def phi3(request: GenerateRequest) -> GenerateResult | ErrorReply:
    """Stands for any model that answers the same request alike."""
    dice = random.Random(f"{request.seed} {request.prompt}")
    if dice.random() < 0.1:
        return TIMEOUT
    return propose(
        action := dice.choice(["adjust", "adjust", "adjust", "pass", "abort"]),
        confidence=round(dice.random(), 2),
        side=dice.choice(["LONG", "SHORT"]) if action == "adjust" else None,
        new_stop_pct=dice.choice([None, 1.0, 5.0]),
        new_target_pct=dice.choice([None, 2.0, 5.0]),
    )


def hermes(request: GenerateRequest) -> GenerateResult | ErrorReply:
    """Likewise."""
    return TIMEOUT if random.Random(request.seed).random() < 0.1 else CRITIQUE


Model = Callable[[GenerateRequest], GenerateResult | ErrorReply]


def replay(
    bars: list[Tick],
    between: Callable[[int, Desk], Desk],
    *,
    policy: LoadedPolicy = ADVISED,
    models: tuple[Model, Model] = (phi3, hermes),
    **rules: Any,
) -> tuple[list[str], Desk]:
    """Run the desk against the venue; `between` may put another desk in its place."""
    desk, venue, decisions = fresh(policy, ticks_per_proposal=3, **rules), Venue(), []
    ask_phi3, ask_hermes = models
    for number, tick in enumerate(bars):
        desk = between(number, desk)
        for fill in venue.on_bar(tick):
            desk.on_execution(fill)
        assert desk.awaiting(tick) == set()
        desk.on_tick(tick)
        desk = between(number, desk)
        while due := desk.due():
            step = desk.decide_on(ask_phi3(due.request))
            decision = desk.conclude(ask_hermes(step.request)) if isinstance(step, CritiqueRequest) else step
            decisions.append(decision.model_dump_json())
            if decision.order:
                venue.waiting.append(decision.order)
        assert desk.state.book.position("SPY").quantity == venue.quantity
    return decisions, desk


def test_a_replay_trades_is_stopped_and_keeps_its_books() -> None:
    decisions, desk = replay(market(1, 600), lambda _, desk: desk)
    statuses = {Decision.model_validate_json(text).status for text in decisions}
    assert statuses == {"accepted", "passed", "failed"}
    assert len(decisions) == len(set(decisions)) == 200
    book = desk.state.book
    unrealised = sum(position.unrealised_pnl for position in book.positions.values())
    assert book.nav == pytest.approx(100_000 + book.realised_pnl + unrealised)
    assert book.fees > 0
    assert any(key.endswith(("stop", "target")) for key in desk.state.seen)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sets(st.integers(0, 39)))
def test_a_desk_that_is_killed_and_restored_decides_byte_for_byte_alike(seed: int, crashes: set[int]) -> None:
    def restored(number: int, desk: Desk) -> Desk:
        if number not in crashes:
            return desk
        saved = desk.state.to_json()
        assert State.from_json(saved) == desk.state
        assert State.from_json(saved).to_json() == saved
        return Desk(State.from_json(saved), desk.rules, ADVISED)

    bars = market(seed, 40)
    unbroken, _ = replay(bars, lambda _, desk: desk, seed=seed)
    broken, _ = replay(bars, restored, seed=seed)
    assert broken == unbroken


def test_the_shipped_policy_decides_as_the_desk_did_before_there_were_policies() -> None:
    """Of 200 runs, every request to a model and every decision, as they were then but for the ids of the runs."""
    told = hashlib.sha256()

    def heard(model: Model) -> Model:
        def answered(request: GenerateRequest) -> GenerateResult | ErrorReply:
            told.update(request.model_dump_json().encode())
            return model(request)

        return answered

    policy = LoadedPolicy("1", ADVISED.policy)
    models = (heard(phi3), heard(hermes))
    decisions, _ = replay(market(1, 600), lambda _, desk: desk, policy=policy, models=models, seed=1)
    told.update("".join(decisions).encode())
    assert told.hexdigest() == "a1496780420431cd03d9f0c7d16bab0cb07cb1d08b41c6bb854bbc8e0bdb3763"


def test_another_seed_names_other_runs() -> None:
    bars = market(1, 10)
    assert replay(bars, lambda _, desk: desk, seed=1)[0] != replay(bars, lambda _, desk: desk, seed=2)[0]


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(ValueError, match="last_run"):
        State.from_json('{"book": {"cash": 1, "day_nav": 1}}')


# --- rows


async def test_every_kind_of_decision_is_a_row_of_the_table(tmp_path: Path) -> None:
    decisions, _ = replay(market(1, 60), lambda _, desk: desk)
    table = await Table.open(tmp_path, "runs", RUNS)
    rows = [run_row(Decision.model_validate_json(text)) for text in decisions]
    rejected = run(fresh(), propose(ticker="QQQ"))
    rows.append(run_row(rejected))
    assert await table.write(rows) == await table.count() == 21
    (found,) = await table.rows("status = 'rejected'")
    assert found["id"] == str(rejected.run_id)
    assert found["reasons"] == "expected a proposal for SPY, was for QQQ"
    assert (found["accepted"], found["score"]) == (False, None)
    assert Decision.model_validate_json(found["decision"]) == rejected


def test_a_bar_whose_price_no_logarithm_can_hold_is_refused() -> None:
    desk = fresh()
    desk.on_tick(bar(1))
    before = desk.state
    for price in (5e-324, 1e300):
        with pytest.raises(TickRefused, match="expected prices from 1e-12 to 1e\\+12"):
            desk.on_tick(bar(2, close=price))
    assert desk.state is before


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *((field, math.nan) for field in ("open", "high", "low", "close", "volume")),
        *(("high", 99.0), ("volume", -1.0), ("volume", math.inf)),
    ],
)
def test_a_bar_whose_numbers_are_none_is_refused(field: str, number: float) -> None:
    desk = fresh()
    desk.on_tick(bar(1))
    before = desk.state
    with pytest.raises(TickRefused, match=r"high >= low and volume >= 0|NAV finite"):
        desk.on_tick(changed(bar(2), **{field: number}))
    assert desk.state is before


def test_a_fill_that_would_make_nav_overflow_is_refused() -> None:
    desk = with_position(fresh())
    before = desk.state
    order = Order(order_id=uuid4(), symbol="SPY", side="BUY", quantity=1, as_of=START)
    for absurd in ({"quantity": 1e300}, {"fee": 1e300}, {"price": 1e300}):
        with pytest.raises(ReportRefused, match="expected a fill of at most"):
            desk.on_execution(fill_of(order).model_copy(update=absurd))
    assert desk.state is before
