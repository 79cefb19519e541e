"""A bar as the desk takes it."""

from datetime import datetime
from typing import Self

from osiris_contracts import MarketTick
from osiris_desk.values import Value


class Tick(Value, frozen=True, gc=False):
    """What a `MarketTick` says. Immutable; the desk looks at its numbers when it takes it."""

    symbol: str
    timestamp: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    adj_close: float | None = None

    @classmethod
    def of(cls, tick: MarketTick) -> Self:
        """What `tick` says."""
        return cls(tick.symbol, tick.timestamp, tick.open, tick.high, tick.low, tick.close, tick.volume, tick.adj_close)
