"""The critic's scores of the last 24 hours."""

from collections import deque
from datetime import datetime, timedelta

WINDOW = timedelta(hours=24)


class RecentScores:
    """Scores, forgotten after WINDOW. Times are aware; they come roughly in order."""

    def __init__(self) -> None:
        self._scores: deque[tuple[datetime, float]] = deque()

    def add(self, at: datetime, score: float) -> None:
        """Remember a score from 0 to 10, given at `at`."""
        self._scores.append((at, score))

    def of(self, now: datetime) -> tuple[float | None, int]:
        """The mean (None without scores) and the number of scores in the window that ends at `now`."""
        while self._scores and self._scores[0][0] <= now - WINDOW:
            self._scores.popleft()
        count = len(self._scores)
        return (sum(score for _, score in self._scores) / count if count else None), count
