"""The test by which a live version stays or goes."""

from collections.abc import Iterable

import numpy as np

from osiris_dgm.statistics.bootstrap import difference_interval

LEAST = 20
"""Live rewards of each before they are compared."""


def is_worse(candidate: Iterable[float], parent: Iterable[float], seed: int = 0) -> bool:
    """Whether the candidate's mean reward is below the parent's, at 95 % confidence by the stationary bootstrap.

    Live runs are not paired: each run is decided by one version alone.
    """
    mine, theirs = np.fromiter(candidate, float), np.fromiter(parent, float)
    if len(mine) < LEAST or len(theirs) < LEAST:
        return False
    return difference_interval(mine, theirs, seed=seed).high < 0
