"""How long something may go on failing before it counts as lost."""

import time
from collections.abc import Callable


class Patience:
    """Rides out failures for `seconds` in a row, and no longer.

    Args:
        clock: seconds, of any origin.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._failing_since: float | None = None

    def succeeded(self) -> None:
        """Start over."""
        self._failing_since = None

    def failed(self, error: Exception) -> None:
        """Count a failure; raises `error` when it went on for too long."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= self._seconds:
            raise error
