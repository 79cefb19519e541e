"""How often a service may be restarted: a growing pause between two, and an end that a person must lift."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Answer = Literal["go", "wait", "give up", "stay"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is too often.

    Attributes:
        cooldown_seconds: pause after the first restart within the window; it doubles with each further one.
        restarts: so many within the window are enough: the next is not asked for.
        window_seconds: what is counted.
    """

    cooldown_seconds: float = 300.0
    restarts: int = 3
    window_seconds: float = 3600.0


class Brake:
    """The restarts of one service.

    Args:
        times: of earlier restarts, unix seconds.
        open: whether it gave up on the service.
    """

    def __init__(self, pace: Pace, times: Iterable[float] = (), *, open: bool = False) -> None:
        self._pace = pace
        self.times = tuple(times)
        self.open = open

    def ask(self, now: float) -> Answer:
        """Whether to restart now. `give up` is said once, when the circuit opens; from then on `stay`."""
        if self.open:
            return "stay"
        recent = self.recent(now)
        if recent and now < recent[-1] + self._pace.cooldown_seconds * 2 ** (len(recent) - 1):
            return "wait"
        if len(recent) >= self._pace.restarts:
            self.open = True
            return "give up"
        return "go"

    def restarted(self, now: float) -> None:
        """A restart was asked for."""
        self.times = (*self.recent(now), now)

    def release(self) -> None:
        """A person says that it may go on; what was before does not count."""
        self.times, self.open = (), False

    def recent(self, now: float) -> tuple[float, ...]:
        """The restarts within the window, oldest first."""
        return tuple(each for each in self.times if now - each < self._pace.window_seconds)
