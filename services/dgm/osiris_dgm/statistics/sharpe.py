"""The Sharpe ratio per period, and how much of it is left once every trial is counted."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()


class Moments(NamedTuple):
    """What the deflated Sharpe ratio needs to know of a series of returns.

    Attributes:
        sharpe: mean / standard deviation, per period; 0 when nothing varies.
        skew: third standardised moment; 0 for a normal series.
        kurtosis: fourth standardised moment; 3 for a normal series.
        periods: how many.
    """

    sharpe: float
    skew: float
    kurtosis: float
    periods: int


def moments(returns: Floats) -> Moments:
    """Of a series of returns per period, shape (n,), n >= 2."""
    deviation = float(returns.std(ddof=1))
    if deviation < 1e-15:
        return Moments(0.0, 0.0, 3.0, len(returns))
    standard = (returns - returns.mean()) / returns.std()
    return Moments(
        float(returns.mean()) / deviation, float((standard**3).mean()), float((standard**4).mean()), len(returns)
    )


def expected_best(trials: int, variance: float) -> float:
    """The Sharpe ratio that the best of `trials` without skill is expected to show.

    Bailey & Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40 (2014), equation 1.

    Args:
        trials: independent ones, >= 1; of one nothing is expected.
        variance: of the Sharpe ratios among the trials, per period, >= 0.
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1 - 1 / trials)
    second = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - _EULER_MASCHERONI) * first + _EULER_MASCHERONI * second)


def deflated_sharpe(of: Moments, trials: int, variance: float) -> float:
    """The probability that the true Sharpe ratio is above 0, given how many were tried (equation 2 there), 0 to 1."""
    if of.periods < 2 or of.sharpe == 0:
        return 0.0
    spread = 1 - of.skew * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2
    if spread <= 0:
        return 0.0
    return _NORMAL.cdf((of.sharpe - expected_best(trials, variance)) * math.sqrt(of.periods - 1) / math.sqrt(spread))
