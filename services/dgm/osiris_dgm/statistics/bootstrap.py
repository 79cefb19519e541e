"""The stationary bootstrap: resampling that keeps the dependence between neighbouring bars."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MOST_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """A confidence interval of a mean.

    Attributes:
        low, high: its ends.
        mean: of the sample itself.
    """

    low: float
    mean: float
    high: float


def block_length(count: int) -> float:
    """The mean length of a block for `count` values: their cube root (Politis & Romano 1994, section 3)."""
    return float(max(1.0, count ** (1 / 3)))


def resampled_means(values: Floats, resamples: int, seed: int, block: float | None = None) -> Floats:
    """Means of `resamples` stationary-bootstrap samples, shape (resamples,).

    Blocks start anywhere, wrap around the end, and have geometric lengths (Politis & Romano, "The Stationary
    Bootstrap", JASA 89, 1994, section 2).

    Args:
        values: shape (n,), n >= 1, finite.
        block: mean length of a block, >= 1; default: `block_length(n)`.
    """
    count = len(values)
    if count == 0 or not np.isfinite(values).all():
        raise ValueError("expected at least one value, and finite ones only")
    ends = 1 / (block or block_length(count))
    random = np.random.default_rng(seed)
    means, step = np.empty(resamples), max(1, _MOST_AT_ONCE // count)
    place = np.arange(count)
    for first in range(0, resamples, step):
        rows = min(step, resamples - first)
        starts = random.random((rows, count)) < ends
        starts[:, 0] = True
        anchor = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
        drawn = random.integers(0, count, (rows, count))
        chosen = (np.take_along_axis(drawn, anchor, axis=1) + place - anchor) % count
        means[first : first + rows] = values[chosen].mean(axis=1)
    return means


def mean_interval(values: Floats, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """The basic bootstrap interval of the mean of a series, two-sided.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    mean = float(values.mean()) if len(values) else 0.0
    means = resampled_means(values, resamples, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(2 * mean - high), mean, float(2 * mean - low))


def difference_interval(
    one: Floats, other: Floats, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Interval:
    """The interval of mean(one) - mean(other) of two series that are not paired, each resampled by itself."""
    mean = float(one.mean() - other.mean())
    means = resampled_means(one, resamples, seed) - resampled_means(other, resamples, seed + 1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(2 * mean - high), mean, float(2 * mean - low))
