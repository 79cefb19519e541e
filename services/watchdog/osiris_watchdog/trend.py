"""Where memory is going."""

from collections import deque
from itertools import combinations
from statistics import median

WINDOW = 15
LEAST = 5


class Trend:
    """The slope of the last readings.

    It is the median of the slopes between every two of them (Theil-Sen; Sen 1968, doi 10.2307/2285891), so that the
    jump of a model that is loaded is not taken for growth.

    Args:
        warn_seconds: the limit is near when it is reached within this time.
    """

    def __init__(self, *, limit_mib: float, warn_seconds: float) -> None:
        self._limit = limit_mib
        self._warn = warn_seconds
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._warned = False

    def read(self, mib: float, at: float) -> bool:
        """Take one reading; whether to warn of the limit: once, until it is twice as far away again."""
        self._points.append((at, mib))
        left = self.seconds_to_limit
        if left is None or left > 2 * self._warn:
            self._warned = False
        near = left is not None and 0 < left <= self._warn
        warn, self._warned = near and not self._warned, self._warned or near
        return warn

    @property
    def seconds_to_limit(self) -> float | None:
        """From the last reading to the limit at the current slope; None where it does not grow, or too few are known.

        0 when it is there.
        """
        if len(self._points) < LEAST:
            return None
        slope = median(
            (later - earlier) / (then - before)
            for (before, earlier), (then, later) in combinations(self._points, 2)
            if then > before
        )
        left = self._limit - self._points[-1][1]
        if left <= 0:
            return 0.0
        return left / slope if slope > 0 else None
