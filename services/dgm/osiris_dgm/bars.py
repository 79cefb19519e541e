"""Bars as they come over a stream, as columns."""

from collections.abc import Sequence

import numpy as np

from osiris_contracts import MarketTick
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars


def bars_of(ticks: Sequence[MarketTick]) -> Bars:
    """Bars of ticks in time order, one at least."""
    return Bars(
        np.array([dates.to_micros(tick.timestamp) for tick in ticks], np.int64),
        *(
            np.array([getattr(tick, name) for tick in ticks], float)
            for name in ("open", "high", "low", "close", "volume")
        ),
    )
