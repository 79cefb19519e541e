"""How long something may go on failing before it counts as lost."""

import time
from collections.abc import Callable

from osiris_mesh.errors import RedisLost


class Patience:
    """Rides out failures until nothing succeeded for `seconds`.

    Args:
        clock: seconds, of any origin.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._succeeded_at = clock()

    @property
    def left(self) -> float:
        """Seconds until the next failure is one too many."""
        return max(self._succeeded_at + self._seconds - self._clock(), 0.0)

    def succeeded(self) -> None:
        """Start over."""
        self._succeeded_at = self._clock()

    def failed(self, error: Exception) -> None:
        """Count a failure.

        Raises:
            RedisLost: it went on for too long.
        """
        if self.left == 0:
            why = str(error) or "no answer"
            raise RedisLost(f"expected Redis to serve within {self._seconds:g} s, it did not: {why}") from error
