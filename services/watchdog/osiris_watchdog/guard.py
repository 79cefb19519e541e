"""What to do about readings. No clock, no Redis: the same readings at the same times, the same acts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from osiris_contracts import WatchdogAct
from osiris_watchdog.brake import Brake, Pace
from osiris_watchdog.reading import Reading
from osiris_watchdog.streak import Streak
from osiris_watchdog.trend import Trend


@dataclass(frozen=True, slots=True)
class Rules:
    """When to act.

    Attributes:
        limit_mib: strictly above it is too much.
        reads: so often in a row.
        pace: of the restarts.
        warn_seconds: before the limit to warn of it.
    """

    limit_mib: float
    reads: int = 3
    pace: Pace = field(default_factory=Pace)
    warn_seconds: float = 1800.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something to do, or to tell."""

    kind: WatchdogAct
    reading: Reading
    restarts: int = 0
    seconds_to_limit: float | None = None


class _Watched:
    """One thing that is watched."""

    def __init__(self, rules: Rules) -> None:
        self.streak = Streak(limit_mib=rules.limit_mib, reads=rules.reads)
        self.trend = Trend(limit_mib=rules.limit_mib, warn_seconds=rules.warn_seconds)


class Guard:
    """Judges reading after reading.

    Args:
        brakes: of the services, from before.
    """

    def __init__(self, rules: Rules, brakes: Mapping[str, Brake] | None = None) -> None:
        self.rules = rules
        self.brakes = dict(brakes or {})
        self._watched: dict[str, _Watched] = {}

    def judge(self, readings: Iterable[Reading], now: float) -> list[Act]:
        """What follows from one round of readings. What was not read in it is gone, and forgotten."""
        before, self._watched = self._watched, {}
        acts: list[Act] = []
        for reading in readings:
            watched = self._watched[reading.subject] = before.get(reading.subject) or _Watched(self.rules)
            acts += self._judge(reading, watched, now)
        return acts

    def above(self, reading: Reading) -> int:
        """How many readings in a row were above the limit."""
        watched = self._watched.get(reading.subject)
        return watched.streak.length if watched else 0

    def seconds_to_limit(self, reading: Reading) -> float | None:
        """As `Trend.seconds_to_limit`."""
        watched = self._watched.get(reading.subject)
        return watched.trend.seconds_to_limit if watched else None

    def release(self) -> list[str]:
        """A person says that it may go on; the services that it had given up on."""
        released = [service for service, brake in self.brakes.items() if brake.open]
        for service in released:
            self.brakes[service].release()
        return released

    def _judge(self, reading: Reading, watched: _Watched, now: float) -> list[Act]:
        if reading.mib is None:
            return [Act("read_failed", reading)]
        acts = []
        if watched.trend.read(reading.mib, now):
            acts.append(Act("limit_ahead", reading, seconds_to_limit=watched.trend.seconds_to_limit))
        if watched.streak.read(reading.mib):
            acts += self._restart(reading, watched, now)
        return acts

    def _restart(self, reading: Reading, watched: _Watched, now: float) -> list[Act]:
        brake = self.brakes.setdefault(reading.service, Brake(self.rules.pace))
        answer = brake.ask(now)
        if answer == "go":
            brake.restarted(now)
            watched.streak.restart()
            return [Act("restart_asked", reading, restarts=len(brake.times))]
        if answer == "give up":
            return [Act("circuit_opened", reading, restarts=len(brake.recent(now)))]
        return []
