"""Live bars, read back from their stream."""

from datetime import datetime
from typing import Any

import numpy as np
from pydantic import ValidationError

from osiris_contracts import MarketTick, streams
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars

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
    if not ticks:
        return None
    return Bars(
        np.array([dates.to_micros(tick.timestamp) for tick in ticks], np.int64),
        *(
            np.array([getattr(tick, name) for tick in ticks], float)
            for name in ("open", "high", "low", "close", "volume")
        ),
    )
