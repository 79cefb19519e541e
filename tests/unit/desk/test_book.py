"""The paper book."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Fill, Order
from osiris_desk.book import Book
from osiris_desk.tick import Tick
from osiris_desk.values import from_json, to_json

START = datetime(2024, 1, 2, 10, tzinfo=UTC)


def tick(close: float, *, hours: int = 0, low: float | None = None, high: float | None = None) -> Tick:
    return Tick(
        symbol="SPY",
        timestamp=START + timedelta(hours=hours),
        open=close,
        high=high or close,
        low=low or close,
        close=close,
        volume=1,
    )


def fill(side: str | None, quantity: float, price: float, **others: Any) -> Fill:
    given = {"order_id": uuid4(), "symbol": "SPY", "fee": 0.0, "timestamp": START, "reason": "order", **others}
    return Fill.model_validate({"side": side, "quantity": quantity, "price": price, **given})


def order(order_id: UUID, stop: float | None = None, target: float | None = None) -> Order:
    return Order(order_id=order_id, symbol="SPY", side="BUY", quantity=1, stop_price=stop, target_price=target)


def test_a_long_trade_from_entry_to_exit() -> None:
    book = Book.opened(1000).apply(fill("BUY", 2, 100, fee=1)).mark(tick(110))
    assert (book.cash, book.nav, book.realised_pnl, book.fees) == (799, 1019, -1, 1)
    assert book.position("SPY").unrealised_pnl == 20

    book = book.apply(fill("SELL", 2, 120, fee=1))
    assert (book.cash, book.nav, book.realised_pnl, book.fees) == (1038, 1038, 38, 2)
    assert book.view("SPY").position.model_dump() == {
        "quantity": 0,
        "average_cost": 0,
        "stop_price": None,
        "target_price": None,
    }


def test_adding_averages_the_cost_and_reducing_keeps_it() -> None:
    book = Book.opened(1000).apply(fill("BUY", 1, 100)).apply(fill("BUY", 3, 200))
    assert book.position("SPY").average_cost == 175
    book = book.apply(fill("SELL", 1, 185))
    assert (book.position("SPY").quantity, book.position("SPY").average_cost, book.realised_pnl) == (3, 175, 10)


def test_one_fill_may_turn_the_position_through_zero() -> None:
    book = Book.opened(1000).apply(fill("BUY", 1, 100)).apply(fill("SELL", 3, 90)).mark(tick(80))
    position = book.position("SPY")
    assert (position.quantity, position.average_cost, position.unrealised_pnl) == (-2, 90, 20)
    assert (book.realised_pnl, book.nav) == (-10, 1010)


def test_three_tenths_less_one_tenth_less_two_tenths_is_flat() -> None:
    book = Book.opened(1000).apply(fill("BUY", 0.3, 10)).apply(fill("SELL", 0.1, 10)).apply(fill("SELL", 0.2, 10))
    assert book.position("SPY").quantity == 0


def test_the_protection_of_an_order_becomes_the_positions_when_it_fills() -> None:
    first, second = uuid4(), uuid4()
    book = Book.opened(1000).apply(fill("BUY", 1, 100, order_id=first), order(first, stop=95, target=110))
    assert book.view("SPY").position.stop_price == 95

    protection = fill(None, 0, 100, order_id=second, reason="protection")
    book = book.apply(protection, Order(order_id=second, symbol="SPY", stop_price=99))
    assert (book.position("SPY").stop_price, book.position("SPY").target_price) == (99, None)
    assert (book.position("SPY").quantity, book.cash) == (1, 900)


def test_a_stop_flattens_and_takes_the_protection_away() -> None:
    entry = uuid4()
    book = Book.opened(1000).apply(fill("BUY", 1, 100, order_id=entry), order(entry, stop=95))
    book = book.apply(fill("SELL", 1, 95, order_id=entry, reason="stop"))
    assert (book.position("SPY").quantity, book.position("SPY").stop_price, book.nav) == (0, None, 995)


def test_the_days_profit_counts_from_the_nav_before_its_first_bar() -> None:
    book = Book.opened(1000).start_day(tick(100)).apply(fill("BUY", 1, 100)).mark(tick(100))
    book = book.start_day(tick(105, hours=1)).mark(tick(105, hours=1))
    assert book.daily_pnl == 5
    gap = tick(90, hours=24)
    book = book.start_day(gap).mark(gap)
    assert (book.nav, book.daily_pnl) == (990, -15)
    assert book.start_day(tick(90, hours=1)) is book  # a day never begins twice


fills = st.builds(
    fill,
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 100_000).map(lambda lots: lots / 10_000),
    st.floats(0.01, 10_000),
    fee=st.floats(0, 10),
    symbol=st.sampled_from(["SPY", "QQQ"]),
)


@given(st.lists(fills, max_size=30), st.floats(0.01, 10_000))
def test_nav_is_starting_cash_plus_realised_plus_unrealised(trades: list[Fill], close: float) -> None:
    book = Book.opened(100_000)
    for trade in trades:
        book = book.apply(trade)
    book = book.mark(tick(close))
    unrealised = sum(position.unrealised_pnl for position in book.positions.values())
    turnover = sum(trade.quantity * trade.price for trade in trades)
    assert book.nav == pytest.approx(100_000 + book.realised_pnl + unrealised, abs=1e-6 + 1e-9 * turnover)
    assert book.fees == pytest.approx(sum(trade.fee for trade in trades))


@given(st.lists(fills, max_size=10), st.floats(0.01, 10_000))
def test_a_book_goes_to_json_and_back_exactly(trades: list[Fill], close: float) -> None:
    book = Book.opened(100_000).start_day(tick(close))
    for trade in trades:
        book = book.apply(trade)
    book = book.mark(tick(close))
    again = from_json(to_json(book), Book)
    assert again == book
    assert to_json(again) == to_json(book)
