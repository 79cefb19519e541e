"""Round after round: read, judge, act, tell."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from redis.exceptions import RedisError

from osiris_contracts import Control, WatchdogEvent
from osiris_watchdog.guard import Act, Guard
from osiris_watchdog.meters import Meter, MeterFailed
from osiris_watchdog.metrics import WatchdogMetrics
from osiris_watchdog.reading import Reading
from osiris_watchdog.records import Records

_log = structlog.get_logger(__name__)


class Patrol:
    """Watches what a meter reads.

    Args:
        dry_run: tell what would be done, and restart nothing.
        now: the clock, unix seconds.
    """

    def __init__(
        self,
        meter: Meter,
        guard: Guard,
        records: Records,
        metrics: WatchdogMetrics,
        *,
        dry_run: bool,
        now: Callable[[], float],
    ) -> None:
        self._meter = meter
        self._guard = guard
        self._records = records
        self._metrics = metrics
        self._dry_run = dry_run
        self._now = now

    async def recover(self) -> None:
        """Take up what an earlier watchdog was held back by."""
        if not self._dry_run:
            self._guard.brakes.update(await self._records.brakes())

    async def round(self) -> list[Reading]:
        """One reading of everything, and what follows from it; what was read."""
        try:
            readings = await self._meter.read()
        except MeterFailed as error:
            self._metrics.failed()
            _log.error("nothing read", reason=str(error))
            return []
        acts = self._guard.judge(readings, self._now())
        self._metrics.observe(readings, self._guard, getattr(self._meter, "processes", {}))
        for act in acts:
            await self._do(act)
        return readings

    async def release(self) -> None:
        """A person says that it may restart again what it had given up on."""
        for service in self._guard.release():
            await self._do(Act("circuit_closed", Reading(service)))

    async def _do(self, act: Act) -> None:
        event = self._event(act)
        say = _log.error if act.kind == "circuit_opened" else _log.warning
        say(act.kind.replace("_", " "), service=event.service, instance=event.instance, reason=event.reason)
        restart = act.kind == "restart_asked" and not self._dry_run
        control = Control(command="restart", instance=event.instance, reason=event.reason) if restart else None
        brake = None if self._dry_run else self._guard.brakes.get(event.service)
        try:
            await self._records.write(event, brake, control)
        except (RedisError, OSError) as error:
            _log.error("not done, Redis does not answer", act=act.kind, error=str(error))
            return
        self._metrics.acted(event.service, act.kind)

    def _event(self, act: Act) -> WatchdogEvent:
        reading = act.reading
        return WatchdogEvent(
            event=act.kind,
            service=reading.service,
            instance=reading.instance,
            device=reading.device,
            at=datetime.fromtimestamp(self._now(), UTC),
            memory_mib=reading.mib,
            limit_mib=self._guard.rules.limit_mib,
            restarts=act.restarts,
            seconds_to_limit=act.seconds_to_limit,
            dry_run=self._dry_run,
            reason=self._reason(act)[:500],
        )

    def _reason(self, act: Act) -> str:
        reading, rules = act.reading, self._guard.rules
        where = reading.device or "its process"
        match act.kind:
            case "restart_asked":
                return (
                    f"{where} held {reading.mib:.0f} MiB, above {rules.limit_mib:.0f} MiB {rules.reads} readings in a "
                    f"row; restart {act.restarts} of {rules.pace.restarts} within {rules.pace.window_seconds:g} s"
                )
            case "circuit_opened":
                return (
                    f"{where} holds {reading.mib:.0f} MiB after {act.restarts} restarts within "
                    f"{rules.pace.window_seconds:g} s: find out why, then: osiris control watchdog resume"
                )
            case "limit_ahead":
                return (
                    f"{where} holds {reading.mib:.0f} MiB, and at this slope {rules.limit_mib:.0f} MiB in "
                    f"{act.seconds_to_limit:.0f} s"
                )
            case "circuit_closed":
                return "a person lets it restart the service again"
            case "read_failed":
                return f"not read: {reading.failure}"
