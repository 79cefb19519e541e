"""Bars with an edge that anybody can see, and a policy that does not see it."""

import numpy as np

from osiris_desk.market.bars import Bars
from osiris_desk.policy.shipped import code_of

HOUR = 3_600_000_000


def trending(count: int = 2400, seed: int = 0) -> Bars:
    """Trends of 60 bars, 0.4 % a bar, in noise of 0.1 %: following them pays for the fees many times."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.choice([-0.004, 0.004], count // 60 + 1), 60)[:count]
    close = 100 * np.exp(np.cumsum(drift - drift.mean() + random.normal(0, 0.001, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    time = 1_500_000_000_000_000 + HOUR * np.arange(count, dtype=np.int64)
    return Bars(time, opened, high, low, close, np.full(count, 1e9))


def blind() -> bytes:
    """The trend follower with a threshold that no trend reaches."""
    return code_of("trend").replace(b"ENTRY = 1.0", b"ENTRY = 50.0")


def sighted() -> bytes:
    """With one that it does."""
    return code_of("trend").replace(b"ENTRY = 1.0", b"ENTRY = 1.5")


def late() -> bytes:
    """With one that it reaches when most of a trend is over."""
    return code_of("trend").replace(b"ENTRY = 1.0", b"ENTRY = 5.0")
