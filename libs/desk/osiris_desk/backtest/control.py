"""The no-edge control: the same bars in another order, so that nothing before tells of what comes."""

import numpy as np

from osiris_desk.market.bars import Bars


def shuffled(bars: Bars, seed: int) -> Bars:
    """The bars with their moves shuffled: the same times, returns, ranges and volumes, in no order.

    A bar moves with its shape: its open, high, low and close against the close before it, and its volume. The first
    stays where it is. What a policy earns here it earns by chance, or by fitting these very moves.
    """
    order = np.random.default_rng(seed).permutation(len(bars) - 1) + 1
    before = bars.close[order - 1]
    close = bars.close[0] * np.cumprod(np.concatenate(([1.0], bars.close[order] / before)))
    base = close[:-1]

    def moved(column: np.ndarray) -> np.ndarray:
        return np.concatenate((column[:1], base * column[order] / before))

    high, low, opened = moved(bars.high), moved(bars.low), moved(bars.open)
    return Bars(bars.time, opened, np.maximum(high, low), low, close, np.append(bars.volume[:1], bars.volume[order]))
