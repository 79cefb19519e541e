"""The queue before a model, as last seen: whether there is room, and if not, when."""

from collections import deque

from osiris_mesh.queues import Waiting

WINDOW_SECONDS = 30.0


class Queue:
    """What waits in one lane of a model, and how fast it goes.

    Args:
        limit: requests that may wait.
        limit_seconds: how long the oldest may have waited.
    """

    def __init__(self, *, limit: int, limit_seconds: float) -> None:
        self._limit = limit
        self._limit_seconds = limit_seconds
        self._waiting = Waiting(0, 0.0, None)
        self._finished: deque[tuple[float, int]] = deque()

    def observe(self, waiting: Waiting, now: float) -> None:
        """Take note of what is there. `now`: seconds, of a clock that does not jump."""
        self._waiting = waiting
        if waiting.finished is None or (self._finished and waiting.finished < self._finished[-1][1]):
            self._finished.clear()  # it is not counted, or Redis was flushed
        if waiting.finished is not None:
            self._finished.append((now, waiting.finished))
        while self._finished and now - self._finished[0][0] > WINDOW_SECONDS:
            self._finished.popleft()

    @property
    def per_second(self) -> float:
        """Requests finished a second, over the last WINDOW_SECONDS; 0 when none was, or nobody counts."""
        if len(self._finished) < 2:
            return 0.0
        (began, first), (ended, last) = self._finished[0], self._finished[-1]
        return (last - first) / (ended - began) if ended > began else 0.0

    def seconds_until_room(self, asking: int = 0) -> float | None:
        """When one more may come; None: now.

        Args:
            asking: requests this gateway waits for, which may not have been seen in the queue yet.
        """
        over = max(self._waiting.backlog, asking) - self._limit + 1
        if over <= 0 and self._waiting.oldest_seconds <= self._limit_seconds:
            return None
        if self.per_second:
            return max(over, 1) / self.per_second
        return max(self._waiting.oldest_seconds, 1.0)  # nothing moves: as long again as it has waited
