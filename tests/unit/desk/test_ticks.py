"""Ticks written by hand are those that the contract writes."""

import math
from uuid import UUID, uuid5

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import MarketTick
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_desk.market.ticks import _NAMESPACE, ticks_of

prices = st.floats(min_value=5e-324, max_value=1e308, allow_subnormal=True)
moments = st.integers(0, 4_000_000_000_000_000)


@given(
    time=moments | moments.map(lambda micros: micros // 1_000_000 * 1_000_000),
    values=st.tuples(prices, prices, prices, prices),
    volume=st.floats(0, 1e308),
    adjusted=st.none() | prices,
)
def test_a_tick_is_the_contracts_own_json(
    time: int, values: tuple[float, ...], volume: float, adjusted: float | None
) -> None:
    low, open_, close, high = sorted(values)
    columns = [np.array([value]) for value in (open_, high, low, close, volume)]
    adj_close = None if adjusted is None else np.array([adjusted])
    (tick,) = ticks_of(Bars(np.array([time]), *columns, adj_close), "EUR-USD", seed=0)
    expected = MarketTick(
        symbol="EUR-USD",
        timestamp=dates.from_micros(time),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        adj_close=adjusted,
    )
    assert tick.json == expected.model_dump_json()
    assert tick.id == str(uuid5(uuid5(_NAMESPACE, "0/EUR-USD"), tick.time))
    assert UUID(tick.id).version == 5


def test_an_empty_adjusted_close_is_null() -> None:
    one = np.array([1.0])
    (tick,) = ticks_of(Bars(np.array([0]), one, one, one, one, one, np.array([math.nan])), "SPY", seed=0)
    assert MarketTick.model_validate_json(tick.json).adj_close is None


def test_ids_differ_by_seed() -> None:
    one = np.array([1.0])
    bars = Bars(np.array([0]), one, one, one, one, one)
    assert ticks_of(bars, "SPY", 1)[0].id != ticks_of(bars, "SPY", 2)[0].id
