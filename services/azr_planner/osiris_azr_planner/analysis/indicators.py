"""Moving averages of prices and of ranges."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from osiris_contracts import PriceBar


def ema(values: Sequence[float], period: int) -> list[float]:
    """Exponential moving average: e = e + 2 / (period + 1) × (x - e), from the first value on (Hunter 1986).

    Args:
        values: oldest first, at least one.
        period: >= 1.

    Returns:
        As many as values.
    """
    weight = 2 / (period + 1)
    return list(accumulate(values, lambda before, value: before + weight * (value - before)))


def true_ranges(bars: Sequence[PriceBar]) -> list[float]:
    """max(high, last close) - min(low, last close) of every bar but the first (Wilder 1978)."""
    return [max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)]


def atr(bars: Sequence[PriceBar], period: int) -> list[float]:
    """Average true range: the mean of the first `period`, then (a × (period - 1) + range) / period (Wilder 1978).

    Args:
        bars: oldest first, at least period + 1.
        period: >= 1.

    Returns:
        One a bar, from bar period + 1 on.
    """
    ranges = true_ranges(bars)
    if len(ranges) < period:
        raise ValueError(f"expected at least period + 1 = {period + 1} bars, got {len(bars)}")
    first = sum(ranges[:period]) / period
    return list(accumulate(ranges[period:], lambda a, value: (a * (period - 1) + value) / period, initial=first))
