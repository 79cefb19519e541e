"""What the models are told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Fill, Order
from osiris_desk.book import Book
from osiris_desk.policy import Features
from osiris_desk.policy.features import features_of, realised_volatility
from osiris_desk.policy.shipped.advised.policy import prompt, situation, trend
from osiris_desk.run_id import first_link, order_id, request_id, run_id, sampling_seed
from osiris_desk.tick import Tick
from osiris_desk.window import HISTORY, Window, bar_range

START = datetime(2024, 1, 2, 10, tzinfo=UTC)


def bar(number: int, close: float, open_: float | None = None) -> Tick:
    opened = open_ or close
    return Tick(
        symbol="SPY",
        timestamp=START + timedelta(hours=number),
        open=opened,
        high=max(opened, close),
        low=min(opened, close),
        close=close,
        volume=1000.0,
    )


BARS = (bar(0, 100, open_=98), bar(1, 104), bar(2, 102))


def seen(bars: Sequence[Tick], closes: Sequence[float], book: Book | None = None) -> Features:
    window = Window(bars=tuple(bars), closes=tuple(closes))
    return features_of("SPY", window, bar_range(bars), book or Book.opened(100_000))


def test_the_summary_of_a_flat_book() -> None:
    assert situation(seen(BARS, [80, 100, 104, 102])) == (
        "SPY close 102\n"
        "Return +4.08% in 3 bars, +27.50% in 4: trend flat\n"
        "Volatility 13.13% a bar\n"
        "Range 98 to 104, close at 67% of it\n"
        "Position none\n"
        "NAV 100000, today +0.00"
    )


def test_the_summary_tells_the_position_and_what_it_earns() -> None:
    entry = Order(order_id=uuid4(), symbol="SPY", side="SELL", quantity=2, stop_price=110, target_price=0.5)
    fill = Fill(
        order_id=entry.order_id,
        symbol="SPY",
        side="SELL",
        quantity=2,
        price=105,
        fee=0.5,
        timestamp=START,
        reason="order",
    )
    book = Book.opened(1000).start_day(BARS[0]).apply(fill, entry).mark(BARS[-1])
    assert situation(seen(BARS, [102], book)).splitlines()[-2:] == [
        "Position SHORT 2.0000 at 105, stop 110, target 0.5, P&L +6.00",
        "NAV 1006, today +5.50",
    ]


@pytest.mark.parametrize(("close", "told"), [(102, "up"), (98, "down"), (100.5, "flat"), (100, "flat")])
def test_the_trend_is_a_move_that_chance_alone_seldom_makes(close: float, told: str) -> None:
    features = seen([bar(0, 100), bar(1, 100), bar(2, 100), bar(3, close)], [100])
    assert trend(features._replace(volatility=0.01)) == told


def test_phi3_is_asked_what_to_do_now() -> None:
    features = seen(BARS, [102])
    assert prompt(features) == (f"{situation(features)}\n\nPropose what to do with SPY now: adjust, pass or abort.")


def test_realised_volatility_is_the_root_mean_square_of_log_returns() -> None:
    assert realised_volatility([100]) == 0
    assert realised_volatility([100, 110, 100]) == pytest.approx(0.0953102)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=HISTORY))
def test_the_summary_stays_small_whatever_the_market_does(closes: list[float]) -> None:
    bars = [bar(number, close) for number, close in enumerate(closes)]
    text = situation(seen(bars, closes))
    assert len(text) < 400
    assert text == situation(seen(bars, closes))


def test_a_window_keeps_the_last_closes_over_its_runs() -> None:
    window = Window()
    for number in range(HISTORY + 5):
        window = window.add(bar(number, 100 + number)).emptied()
    assert (len(window.closes), window.closes[0], window.closes[-1]) == (HISTORY, 105, 154)
    assert (window.bars, window.last) == ((), START + timedelta(hours=54))


def test_a_run_id_follows_from_policy_seed_and_bars_alone() -> None:
    first = run_id(first_link("1", 1), BARS)
    assert first == run_id(first_link("1", 1), list(BARS))
    others = {
        first,
        run_id(first, BARS),
        run_id(first_link("1", 2), BARS),
        run_id(first_link("2", 1), BARS),
        run_id(first_link("1", 1), BARS[:-1]),
        request_id(first, "phi3"),
        request_id(first, "hermes"),
        order_id(first),
    }
    assert len(others) == 8
    assert 0 <= sampling_seed(first) < 2**63
