"""The venue's rules, each as an example, and what must hold for every series of bars and orders."""

import json
from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Fill, Order, OrderRejection
from osiris_desk.market.bars import Bars, Tape
from osiris_desk.venue.intake import InvalidOrder
from osiris_desk.venue.terms import Terms
from osiris_desk.venue.venue import Event, Venue

HOUR = 3_600_000_000
FREE = Terms(commission_rate=0, slippage_impact=0)

Row = tuple[float, float, float, float, float]
"""open, high, low, close, volume"""


def tape(*rows: Row, loop: bool = False) -> Tape:
    columns = [np.array(column, float) for column in zip(*rows, strict=True)]
    return Tape(Bars(np.arange(len(rows), dtype=np.int64) * HOUR, *columns), loop=loop)


def flat(price: float, count: int) -> list[Row]:
    return [(price, price, price, price, 1000.0)] * count


def order(number: int, **fields: object) -> Order:
    return Order.model_validate({"order_id": UUID(int=number), "symbol": "SPY"} | fields)


def results(events: Sequence[Event]) -> list[Fill | OrderRejection]:
    return [result for _, result in events]


def only_fill(events: Sequence[Event]) -> Fill:
    ((_, result),) = events
    assert isinstance(result, Fill), result
    return result


def only_rejection(events: Sequence[Event]) -> str:
    ((_, result),) = events
    assert isinstance(result, OrderRejection), result
    return result.reason


# --- orders ---


def test_an_order_fills_at_the_open_of_the_bar_after_the_one_seen() -> None:
    bars = tape((10, 11, 9, 10.5, 1000), (20, 21, 19, 20, 1000))
    venue = Venue("SPY", bars, FREE)
    venue.play(0)
    assert venue.submit(order(1, side="BUY", quantity=5, as_of=bars.time(0))) == []
    fill = only_fill(venue.play(1))
    assert (fill.price, fill.timestamp, fill.reason, fill.side) == (20, bars.time(1), "order", "BUY")


def test_price_moves_with_the_share_of_the_bars_volume_and_the_fee_is_a_share_of_the_notional() -> None:
    venue = Venue("SPY", tape(*flat(100, 3)), Terms(commission_rate=0.001, slippage_impact=0.1))
    venue.submit(order(1, side="BUY", quantity=100))
    bought = only_fill(venue.play(0))
    assert bought.price == pytest.approx(100 * 1.01)
    assert bought.fee == pytest.approx(0.001 * 100 * 101)
    venue.submit(order(2, side="SELL", quantity=50))
    assert only_fill(venue.play(1)).price == pytest.approx(100 * 0.995)


def test_nothing_trades_in_a_bar_without_volume() -> None:
    venue = Venue("SPY", tape((10, 10, 10, 10, 0), (11, 11, 11, 11, 0), (12, 12, 12, 12, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=1))
    assert venue.play(1) == []
    assert only_fill(venue.play(2)).price == 12


def test_a_buy_without_the_cash_is_refused() -> None:
    venue = Venue("SPY", tape(*flat(100, 2)), Terms(0.001, 0, starting_cash=1000))
    venue.submit(order(1, side="BUY", quantity=10))
    assert only_rejection(venue.play(0)) == "expected cash of at least 1001.00, was 1000.00"
    assert venue.account.cash == 1000


def test_a_short_may_be_worth_as_much_as_the_equity() -> None:
    venue = Venue("SPY", tape(*flat(100, 3)), Terms(0, 0, starting_cash=1000))
    venue.submit(order(1, side="SELL", quantity=10))
    assert only_fill(venue.play(0)).quantity == 10
    venue.submit(order(2, side="SELL", quantity=1))
    assert "expected a short worth at most the equity" in only_rejection(venue.play(1))


def test_a_short_is_bought_back_from_its_own_proceeds() -> None:
    venue = Venue("SPY", tape(*flat(100, 3)), Terms(0, 0, starting_cash=1000))
    venue.submit(order(1, side="SELL", quantity=10))
    venue.play(0)
    venue.submit(order(2, side="BUY", quantity=20))
    assert only_fill(venue.play(1)).quantity == 20
    assert venue.account.quantity == 10


def test_slippage_that_eats_the_whole_price_is_refused() -> None:
    venue = Venue("SPY", tape(*flat(100, 2)), Terms(0, slippage_impact=1.0))
    venue.submit(order(1, side="SELL", quantity=1000))
    assert "expected a quantity that moves the price" in only_rejection(venue.play(0))


def test_a_quantity_beyond_all_bounds_is_refused() -> None:
    for side in ("BUY", "SELL"):
        venue = Venue("SPY", tape(*flat(100, 2)), Terms(0.001, 0))
        venue.submit(order(1, side=side, quantity=1.7e308))
        assert only_rejection(venue.play(0))


def test_an_unknown_symbol_is_refused() -> None:
    venue = Venue("SPY", tape(*flat(100, 2)), FREE)
    assert only_rejection(venue.submit(order(1, symbol="QQQ", side="BUY", quantity=1))) == (
        "expected symbol SPY, the only one traded here, got QQQ"
    )


def test_a_second_order_with_the_same_id_has_no_effect() -> None:
    venue = Venue("SPY", tape(*flat(100, 3)), FREE)
    for _ in range(2):
        venue.submit(order(1, side="BUY", quantity=1))
    assert len(venue.play(0)) == 1
    assert venue.submit(order(1, side="BUY", quantity=1)) == []
    assert venue.play(1) == []
    assert venue.refuse(InvalidOrder(UUID(int=1), "SPY", "late and broken")) == []


def test_an_order_that_no_bar_can_fill_any_more_is_refused_at_once() -> None:
    venue = Venue("SPY", tape(*flat(100, 2)), FREE)
    venue.play(1)
    assert only_rejection(venue.submit(order(1, side="BUY", quantity=1))).startswith("no later bar")


def test_orders_that_wait_for_a_bar_that_never_comes_are_refused_with_the_last_one() -> None:
    bars = tape(*flat(100, 3))
    venue = Venue("SPY", bars, FREE)
    venue.submit(order(1, side="BUY", quantity=1, as_of=bars.time(2)))
    assert only_rejection(venue.play(2)).startswith("no later bar")


# --- stops and targets ---


def test_a_stop_is_not_executed_in_the_bar_of_its_order_but_in_the_next_at_its_level() -> None:
    venue = Venue("SPY", tape((100, 101, 90, 100, 1000), (100, 101, 94, 99, 1000)), FREE)
    venue.submit(order(1, side="BUY", quantity=1, stop_price=95))
    bought, stopped = results(venue.play(1))
    assert isinstance(bought, Fill) and isinstance(stopped, Fill)
    assert (stopped.reason, stopped.price, stopped.side, stopped.order_id) == ("stop", 95, "SELL", UUID(int=1))
    assert venue.account.quantity == 0


@pytest.mark.parametrize(
    ("side", "stop", "target", "bar", "reason", "price"),
    [
        ("BUY", 95, 110, (90, 92, 89, 91, 9), "stop", 90),  # gapped below the stop
        ("BUY", 95, 110, (112, 113, 111, 112, 9), "target", 112),  # gapped above the target
        ("BUY", 95, 110, (100, 111, 94, 100, 9), "stop", 95),  # touched both: the stop first
        ("BUY", 95, 110, (100, 110, 96, 100, 9), "target", 110),
        ("SELL", 105, 90, (107, 108, 106, 107, 9), "stop", 107),
        ("SELL", 105, 90, (100, 106, 89, 100, 9), "stop", 105),
        ("SELL", 105, 90, (88, 89, 87, 88, 9), "target", 88),
        ("SELL", 105, 90, (100, 104, 90, 95, 9), "target", 90),
    ],
)
def test_where_a_protection_executes(
    side: str, stop: float, target: float, bar: Row, reason: str, price: float
) -> None:
    venue = Venue("SPY", tape(*flat(100, 1), bar), FREE)
    venue.submit(order(1, side=side, quantity=1, stop_price=stop, target_price=target))
    _, closed = results(venue.play(1))
    assert isinstance(closed, Fill)
    assert (closed.reason, closed.price) == (reason, price)


@pytest.mark.parametrize("level", [{"stop_price": 105}, {"target_price": 95}])
def test_a_level_on_the_wrong_side_executes_at_the_next_open(level: dict[str, float]) -> None:
    venue = Venue("SPY", tape(*flat(100, 1), (120, 121, 119, 120, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=1, **level))
    _, closed = results(venue.play(1))
    assert isinstance(closed, Fill)
    assert closed.price == 120


def test_a_change_of_protection_alone_is_answered_and_holds_from_the_next_bar() -> None:
    rows = [*flat(100, 2), (100, 101, 96, 100, 9), (100, 101, 96, 100, 9)]
    venue = Venue("SPY", tape(*rows), FREE)
    venue.submit(order(1, side="BUY", quantity=1))
    venue.play(1)
    venue.submit(order(2, stop_price=97))
    changed, stopped = results(venue.play(3))
    assert isinstance(changed, Fill) and isinstance(stopped, Fill)
    assert (changed.reason, changed.quantity, changed.side, changed.price) == ("protection", 0, None, 100)
    assert (stopped.reason, stopped.order_id) == ("stop", UUID(int=2))
    assert stopped.timestamp > changed.timestamp


def test_the_old_stop_holds_while_its_successor_waits_for_the_next_bar() -> None:
    venue = Venue("SPY", tape(*flat(100, 2), (100, 101, 94, 100, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=1, stop_price=95))
    venue.play(1)
    venue.submit(order(2, stop_price=90))
    _, stopped = results(venue.play(2))
    assert isinstance(stopped, Fill)
    assert (stopped.order_id, stopped.price) == (UUID(int=1), 95)


def test_a_protection_without_levels_removes_the_old_one() -> None:
    venue = Venue("SPY", tape(*flat(100, 2), *[(100, 101, 96, 100, 9)] * 2, (90, 90, 90, 90, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=1, stop_price=95))
    venue.play(1)
    venue.submit(order(2))
    assert only_fill(venue.play(4)).reason == "protection"


def test_there_is_nothing_to_protect_without_a_position() -> None:
    venue = Venue("SPY", tape(*flat(100, 2)), FREE)
    venue.submit(order(1, stop_price=90))
    assert "expected an open position" in only_rejection(venue.play(0))


def test_an_order_that_leaves_no_position_clears_the_protection() -> None:
    venue = Venue("SPY", tape(*flat(100, 2), (90, 90, 90, 90, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=0.3, stop_price=95))
    venue.submit(order(2, side="SELL", quantity=0.1))
    venue.submit(order(3, side="SELL", quantity=0.2, stop_price=95))
    assert [result.kind for result in results(venue.play(2))] == ["fill"] * 3
    assert venue.account.quantity == 0


def test_an_order_through_zero_turns_the_position_and_its_protection() -> None:
    venue = Venue("SPY", tape(*flat(100, 2), (100, 106, 100, 100, 9)), FREE)
    venue.submit(order(1, side="BUY", quantity=1, stop_price=95))
    venue.play(0)
    venue.submit(order(2, side="SELL", quantity=3, stop_price=105))
    _, stopped = results(venue.play(2))
    assert isinstance(stopped, Fill)
    assert (stopped.side, stopped.quantity, stopped.price) == ("BUY", 2, 105)


# --- late orders ---


def test_the_books_never_go_back_behind_what_was_reported() -> None:
    bars = tape(*flat(100, 3), (100, 101, 94, 100, 9), (97, 97, 97, 97, 9), *flat(98, 1))
    venue = Venue("SPY", bars, FREE)
    venue.submit(order(1, side="BUY", quantity=1, stop_price=95))
    venue.play(5)  # the stop was hit in bar 3
    late = only_fill(venue.submit(order(2, side="BUY", quantity=1, as_of=bars.time(1))))
    assert (late.timestamp, late.price) == (bars.time(4), 97)


prices = st.floats(min_value=50, max_value=200)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    open_, close = draw(prices), draw(prices)
    low, high = min(open_, close) * draw(st.floats(0.9, 1)), max(open_, close) * draw(st.floats(1, 1.1))
    return open_, high, low, close, draw(st.sampled_from([0.0, 10.0, 1000.0]))


tapes = st.lists(rows(), min_size=3, max_size=25)
levels = st.none() | prices


@given(tapes, st.data())
def test_a_late_order_gives_the_same_fills_as_one_in_time(bars: list[Row], data: st.DataObject) -> None:
    replayed = tape(*bars)
    last = len(bars) - 1
    seen = data.draw(st.integers(0, last))
    late = data.draw(st.integers(seen, last))
    new = order(
        1,
        side=data.draw(st.sampled_from(["BUY", "SELL"])),
        quantity=data.draw(st.floats(0.1, 500)),
        stop_price=data.draw(levels),
        target_price=data.draw(levels),
        as_of=replayed.time(seen),
    )

    def run(arrives: int) -> tuple[list[Event], float, float]:
        venue = Venue("SPY", replayed, Terms())
        events = [*venue.play(arrives), *venue.submit(new), *venue.play(last)]
        return events, venue.account.cash, venue.account.quantity

    assert run(late) == run(seen)


@given(tapes, st.data())
def test_many_late_orders_give_the_same_fills_as_in_time(bars: list[Row], data: st.DataObject) -> None:
    replayed = tape(*bars)
    last = len(bars) - 1
    seen = sorted(data.draw(st.lists(st.integers(0, last), min_size=1, max_size=6)))
    sides = [data.draw(st.sampled_from(["BUY", "SELL"])) for _ in seen]
    orders = [
        order(number, side=side, quantity=10.0 + number, as_of=replayed.time(at))
        for number, (side, at) in enumerate(zip(sides, seen, strict=True))
    ]
    lags = [data.draw(st.integers(0, last)) for _ in seen]

    def run(lags: list[int]) -> list[Event]:
        venue = Venue("SPY", replayed, Terms())
        events: list[Event] = []
        for each, at, lag in zip(orders, seen, lags, strict=True):
            events += venue.play(max(venue.bar, min(at + lag, last)))
            events += venue.submit(each)
        return events + venue.play(last)

    assert run(lags) == run([0] * len(orders))


@given(tapes, st.data())
def test_cash_position_and_fills_always_add_up(bars: list[Row], data: st.DataObject) -> None:
    replayed = tape(*bars)
    terms = Terms()
    venue = Venue("SPY", replayed, terms)
    events: list[Event] = []
    seen: dict[UUID, int] = {}
    for number in range(len(bars)):
        events += venue.play(number)
        for _ in range(data.draw(st.integers(0, 2))):
            new = order(
                len(seen) + 1,
                side=data.draw(st.sampled_from(["BUY", "SELL"])),
                quantity=data.draw(st.floats(0.1, 900)),
                stop_price=data.draw(levels),
                target_price=data.draw(levels),
                as_of=replayed.time(number),
            )
            seen[new.order_id] = number
            events += venue.submit(new)
    cash, position = terms.starting_cash, 0.0
    for at, result in events:
        assert result.timestamp == replayed.time(at)
        if isinstance(result, OrderRejection):
            continue
        bar = replayed.bar(at)
        assert at > seen[result.order_id]  # never in a bar the sender had seen
        assert bar.volume > 0
        if result.reason != "order":
            assert at > seen[result.order_id] + 1
            assert bar.low <= result.price <= bar.high
        signed = result.quantity if result.side == "BUY" else -result.quantity
        cash -= signed * result.price + result.fee
        position += signed
        assert result.fee == pytest.approx(terms.commission_rate * result.quantity * result.price)
    assert venue.account.cash == pytest.approx(cash)
    assert venue.account.quantity == pytest.approx(position, abs=1e-6)
    answered = {result.order_id for _, result in events if result.kind == "rejection" or result.reason == "order"}
    assert answered == set(seen)  # no order is forgotten
    assert [at for at, _ in events] == sorted(at for at, _ in events)


@given(tapes, st.data())
def test_a_venue_restored_from_its_snapshot_goes_on_as_if_nothing_had_happened(
    bars: list[Row], data: st.DataObject
) -> None:
    replayed = tape(*bars)
    last = len(bars) - 1
    cut = data.draw(st.integers(0, last))
    venue, other = Venue("SPY", replayed, Terms()), Venue("SPY", replayed, Terms())
    venue.submit(order(1, side="BUY", quantity=10, stop_price=data.draw(levels), target_price=data.draw(levels)))
    venue.submit(order(2, side="SELL", quantity=4, as_of=replayed.time(min(cut + 1, last))))
    venue.play(cut)
    other.restore(json.loads(json.dumps(venue.snapshot())))
    assert other.play(last) == venue.play(last)
    assert other.snapshot() == venue.snapshot()


# --- tapes ---


def test_a_looped_tape_goes_on_with_later_times() -> None:
    looped = tape(*flat(100, 3), loop=True)
    assert [looped.micros(number) // HOUR for number in range(8)] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert looped.part(2, 10).time.tolist() == [2 * HOUR]
    assert looped.part(4, 10).time.tolist() == [4 * HOUR, 5 * HOUR]


@given(st.lists(st.integers(1, 50), min_size=0, max_size=8), st.integers(0, 40))
def test_the_first_bar_after_a_bars_time_is_the_next_one(gaps: list[int], number: int) -> None:
    count = len(gaps) + 1
    column = np.full(count, 100.0)
    bars = Bars(np.cumsum([7, *gaps], dtype=np.int64) * HOUR, column, column, column, column, column)
    assert Tape(bars, loop=True).first_after(Tape(bars, loop=True).time(number)) == number + 1
    once = Tape(bars)
    assert once.first_after(once.time(number % count)) == number % count + 1


def test_a_looped_venue_trades_across_the_seam() -> None:
    looped = tape((100, 100, 100, 100, 9), (110, 110, 110, 110, 9), loop=True)
    venue = Venue("SPY", looped, FREE)
    venue.play(1)
    venue.submit(order(1, side="BUY", quantity=1, as_of=looped.time(1)))
    fill = only_fill(venue.play(2))
    assert (fill.price, fill.timestamp) == (100, looped.time(2))


# --- reduce only ---


def test_a_reduce_only_order_never_opens_a_position() -> None:
    venue = Venue("SPY", tape(*flat(100, 4)), FREE)
    venue.submit(order(1, side="SELL", quantity=5, reduce_only=True))
    assert only_rejection(venue.play(1)) == "expected a position in SPY that a SELL reduces, was 0"


def test_a_reduce_only_order_closes_at_most_what_is_held() -> None:
    venue = Venue("SPY", tape(*flat(100, 6)), FREE)
    venue.submit(order(1, side="BUY", quantity=3))
    venue.play(1)
    venue.submit(order(2, side="SELL", quantity=5, reduce_only=True))
    fill = only_fill(venue.play(3))
    assert (fill.side, fill.quantity, venue.account.quantity) == ("SELL", 3, 0)
