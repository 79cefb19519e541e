"""Walk-forward: the same policy over windows of time, each with a new book."""

from collections.abc import Iterator, Mapping

import numpy as np

from osiris_desk.market import dates
from osiris_desk.market.bars import Bars


def windows(bars: Mapping[str, Bars], window: int, step: int) -> Iterator[dict[str, Bars]]:
    """The bars of `window` moments each, every `step` moments, as long as there is a whole window.

    Raises:
        ValueError: there is none.
    """
    times = np.unique(np.concatenate([part.time for part in bars.values()]))
    if len(times) < window:
        raise ValueError(f"expected at least {window} bars, a window, there are {len(times)}")
    for first in range(0, len(times) - window + 1, step):
        start, end = (dates.from_micros(int(times[row])) for row in (first, first + window - 1))
        yield {symbol: part for symbol, all_ in bars.items() if len(part := all_.between(start, end))}
