"""Bars for tests."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_desk.tick import Tick

START = datetime(2024, 1, 2, 10, tzinfo=UTC)
HOUR = 3_600_000_000


def bar(number: int, close: float, symbol: str = "SPY") -> Tick:
    """An hourly bar that does not move."""
    return Tick(
        symbol=symbol,
        timestamp=START + timedelta(hours=number),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=1000.0,
    )


def bars_of(closes: Iterable[float], reach: float = 0.001) -> Bars:
    """Hourly bars: each opens at the close before it, and reaches a little beyond both."""
    close = np.array(list(closes), float)
    opened = np.concatenate((close[:1], close[:-1]))
    time = dates.to_micros(START) + HOUR * np.arange(len(close))
    high, low = np.maximum(opened, close) * (1 + reach), np.minimum(opened, close) * (1 - reach)
    return Bars(time, opened, high, low, close, np.full(len(close), 1e6))


def walk(seed: int, count: int, volatility: float = 0.01) -> Bars:
    """A random walk."""
    moves = np.random.default_rng(seed).normal(0, volatility, count)
    return bars_of(100 * np.exp(np.cumsum(moves)))
