"""Live bars, read back from their stream."""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from osiris_contracts import MarketTick, streams
from osiris_desk.market.bars import Bars
from osiris_dgm.bars import bars_of

MOST = 20_000


async def since(redis: Any, symbol: str, moment: datetime) -> Bars | None:
    """Bars of `symbol` that came since `moment`, in time order; None without any. What is no bar is left out."""
    first = int(moment.timestamp() * 1000)
    ticks: list[MarketTick] = []
    for _, fields in await redis.xrange(streams.MARKET_TICKS, min=str(first), count=MOST):
        try:
            tick = MarketTick.model_validate_json(fields.get(b"data", b""))
        except ValidationError:
            continue
        if tick.symbol == symbol and (not ticks or tick.timestamp > ticks[-1].timestamp):
            ticks.append(tick)
    return bars_of(ticks) if ticks else None
