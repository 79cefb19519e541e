"""The bars of a symbol that wait for a run, and the closes behind them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from osiris_contracts import BarRange
from osiris_desk.tick import Tick
from osiris_desk.values import Value, changed

HISTORY = 50
"""Closes that are kept for the summary."""


class Window(Value, frozen=True):
    """What a symbol's bars have left behind. Immutable.

    Attributes:
        bars: since the last run, oldest first.
        closes: the last `HISTORY` closes, those of `bars` included, oldest first.
        last: timestamp of the latest bar; None before the first.
    """

    bars: tuple[Tick, ...] = ()
    closes: tuple[float, ...] = ()
    last: datetime | None = None

    def add(self, tick: Tick) -> Self:
        """The window with one more bar."""
        return changed(
            self,
            bars=(*self.bars, tick),
            closes=(*self.closes, tick.close)[-HISTORY:],
            last=tick.timestamp,
        )

    def emptied(self) -> Self:
        """The window after its run."""
        return changed(self, bars=())


def bar_range(bars: Sequence[Tick]) -> BarRange:
    """What `bars`, oldest first, amount to."""
    return BarRange(
        first=bars[0].timestamp,
        last=bars[-1].timestamp,
        count=len(bars),
        open=bars[0].open,
        high=max([bar.high for bar in bars]),
        low=min([bar.low for bar in bars]),
        close=bars[-1].close,
    )
