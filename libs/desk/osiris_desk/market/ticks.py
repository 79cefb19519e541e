"""Ticks as they go out: the JSON of `MarketTick`, written many at a time."""

from hashlib import sha1
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import numpy as np
from pydantic_core import to_json

from osiris_desk.market.bars import Bars, Floats

_NAMESPACE = UUID("a3d3f1d2-6b0f-5c0e-9a51-5a6a1ad0f6f1")


class TickMessage(NamedTuple):
    """A tick ready to be sent: message id, time of the bar (RFC 3339) and JSON."""

    id: str
    time: str
    json: str


def ticks_of(bars: Bars, symbol: str, seed: int) -> list[TickMessage]:
    """The ticks of `bars`. The id is a UUIDv5 of seed, symbol and time: the same replay sends the same ids."""
    space = sha1(uuid5(_NAMESPACE, f"{seed}/{symbol}").bytes, usedforsecurity=False)
    adjusted = ["null"] * len(bars) if bars.adj_close is None else _texts(bars.adj_close)
    columns = [_texts(column) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    return [
        TickMessage(
            _uuid5(space, time),
            time,
            f'{{"symbol":"{symbol}","timestamp":"{time}","open":{open_},"high":{high},"low":{low},"close":{close},'
            f'"volume":{volume},"adj_close":{adjusted_close}}}',
        )
        for time, open_, high, low, close, volume, adjusted_close in zip(_times(bars), *columns, adjusted, strict=True)
    ]


def _times(bars: Bars) -> list[str]:
    texts = np.datetime_as_string(bars.time.view("M8[us]"), unit="us").tolist()
    return [text.removesuffix(".000000") + "Z" for text in texts]


def _texts(column: Floats) -> list[str]:
    """Numbers as pydantic writes them; NaN as null."""
    return to_json(column.tolist(), inf_nan_mode="null").decode()[1:-1].split(",")


def _uuid5(space: Any, name: str) -> str:
    """`str(uuid.uuid5(…))` of a namespace hashed before, at a fifth of its cost."""
    hashed = space.copy()
    hashed.update(name.encode())
    digits = hashed.hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
