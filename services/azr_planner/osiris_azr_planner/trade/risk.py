"""How risky the account's recent past was. The weights and scales are the specification's (issue 7)."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from statistics import stdev

POINTS = 31
PERIODS_A_YEAR = 252

_VOLATILITY_WEIGHT, _VOLATILITY_SCALE = 0.45, 0.25
_DRAWDOWN_WEIGHT, _DRAWDOWN_SCALE = 0.35, 0.333
_ENTROPY_WEIGHT = 0.20
_ENTROPY_POINTS, _STEPS, _BINS = 30, 5, 10
_NO_RANGE = 1e-12


def latent_risk(equity: Sequence[float]) -> float:
    """0.45 min(1, volatility / 0.25) + 0.35 min(1, drawdown / 0.333) + 0.20 entropy, of the last 31 points; 0 to 1.

    Args:
        equity: oldest first, one point a day, > 0; with fewer than 31 points the risk is 1.
    """
    if len(equity) < POINTS:
        return 1.0
    window = equity[-POINTS:]
    risk = (
        _VOLATILITY_WEIGHT * min(1.0, volatility(window) / _VOLATILITY_SCALE)
        + _DRAWDOWN_WEIGHT * min(1.0, max_drawdown(window) / _DRAWDOWN_SCALE)
        + _ENTROPY_WEIGHT * entropy(window[-_ENTROPY_POINTS:])
    )
    return min(1.0, risk)


def returns(values: Sequence[float], steps: int = 1) -> list[float]:
    """Simple returns over so many steps, overlapping."""
    return [later / earlier - 1 for earlier, later in zip(values, values[steps:], strict=False)]


def volatility(equity: Sequence[float]) -> float:
    """Sample standard deviation (n - 1) of the one-step returns, a year's: times sqrt(252)."""
    return stdev(returns(equity)) * math.sqrt(PERIODS_A_YEAR)


def max_drawdown(equity: Sequence[float]) -> float:
    """Largest loss from a peak to a later point, a fraction of the peak (Magdon-Ismail & Atiya 2004)."""
    peak, worst = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        worst = max(worst, 1 - value / peak)
    return worst


def entropy(equity: Sequence[float]) -> float:
    """Shannon entropy (1948) of the overlapping 5-step returns in 10 equal-width bins, over ln 10; 0 to 1.

    The bins reach from the smallest return to the largest; where they are less than 1e-12 apart it is 0.
    """
    found = sorted(returns(equity, _STEPS))
    low, span = found[0], found[-1] - found[0]
    if span < _NO_RANGE:
        return 0.0
    edges = [low + span * number / _BINS for number in range(_BINS)]
    starts = [bisect_left(found, edge) for edge in edges]
    shares = [(end - start) / len(found) for start, end in pairwise([*starts, len(found)])]
    return -math.fsum(share * math.log(share) for share in shares if share) / math.log(_BINS)
