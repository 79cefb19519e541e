"""Bars of one symbol as columns, and the tape that plays them, once or for ever."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import numpy as np
import numpy.typing as npt

from osiris_desk.market import dates
from osiris_desk.values import Value

Floats = npt.NDArray[np.float64]

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars in time order, all columns of shape (n,).

    Attributes:
        time: start of the bar, microseconds since 1970, strictly rising.
        open, high, low, close: quote currency, > 0, high >= low.
        volume: units, >= 0.
        adj_close: quote currency; NaN where the file has none, None where it has no such column.
    """

    time: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adj_close: Floats | None = None

    def __len__(self) -> int:
        return len(self.time)

    def where(self, wanted: npt.NDArray[np.bool_] | slice) -> "Bars":
        """The bars that `wanted` selects."""
        return Bars(
            self.time[wanted],
            self.open[wanted],
            self.high[wanted],
            self.low[wanted],
            self.close[wanted],
            self.volume[wanted],
            None if self.adj_close is None else self.adj_close[wanted],
        )

    def between(self, first: datetime | None, last: datetime | None) -> "Bars":
        """The bars from `first` to `last`, both included; None is no limit."""
        start = 0 if first is None else int(np.searchsorted(self.time, dates.to_micros(first), "left"))
        end = len(self) if last is None else int(np.searchsorted(self.time, dates.to_micros(last), "right"))
        return self.where(slice(start, end))

    def digest(self) -> str:
        """A fingerprint of every value."""
        columns = (self.time, self.open, self.high, self.low, self.close, self.volume, self.adj_close)
        return hashlib.sha256(b"".join(column.tobytes() for column in columns if column is not None)).hexdigest()


class Bar(Value, frozen=True, gc=False):
    """What one bar lets trade: prices in quote currency, volume in units."""

    open: float
    high: float
    low: float
    volume: float


class Tape:
    """Bars by their number, counted from 0. Looped, it starts over with later times: time never goes back.

    Args:
        bars: at least one.
        loop: start over after the last bar, one median interval later.
    """

    def __init__(self, bars: Bars, *, loop: bool = False) -> None:
        if len(bars) == 0:
            raise ValueError("expected at least one bar, got none")
        self.bars = bars
        self.loop = loop
        interval = int(np.median(np.diff(bars.time))) if len(bars) > 1 else _DAY
        self._count = len(bars)
        self._times: memoryview[int] = bars.time.data
        self._opens, self._highs = _view(bars.open), _view(bars.high)
        self._lows, self._volumes = _view(bars.low), _view(bars.volume)
        self._start = self._times[0]
        self._period = self._times[-1] - self._start + interval

    def has(self, number: int) -> bool:
        """Whether there is, or will be, such a bar."""
        return self.loop or number < self._count

    def bar(self, number: int) -> Bar:
        """The bar with that number."""
        row = number % self._count
        return Bar(self._opens[row], self._highs[row], self._lows[row], self._volumes[row])

    def micros(self, number: int) -> int:
        """Start of the bar, microseconds since 1970."""
        turn, row = divmod(number, self._count)
        return self._times[row] + turn * self._period

    def time(self, number: int) -> datetime:
        """Start of the bar, UTC."""
        return dates.from_micros(self.micros(number))

    def first_after(self, moment: datetime) -> int:
        """Number of the first bar that starts after `moment`; one past the last bar when there is none."""
        turn, rest = divmod(dates.to_micros(moment) - self._start, self._period)
        if turn < 0:
            return 0
        if turn > 0 and not self.loop:
            return self._count
        return turn * self._count + bisect_right(self._times, rest + self._start)

    def part(self, first: int, count: int) -> Bars:
        """At most `count` bars from number `first` on; fewer where the file ends."""
        turn, row = divmod(first, self._count)
        part = self.bars.where(slice(row, row + count))
        if turn == 0:
            return part
        return replace(part, time=part.time + turn * self._period)


def _view(column: Floats) -> "memoryview[float]":
    """The same numbers; one of them costs less than one of an array."""
    return cast("memoryview[float]", column.data)
