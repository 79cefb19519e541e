"""What the watchdog writes to Redis: each act with the event that tells of it, in one step."""

import structlog
from pydantic import ValidationError

from osiris_contracts import Control, WatchdogBrake, WatchdogEvent, streams
from osiris_mesh import new_id
from osiris_mesh.connection import Client
from osiris_mesh.envelope import wrap
from osiris_watchdog.brake import Brake, Pace

SOURCE = "watchdog"

_log = structlog.get_logger(__name__)


class Records:
    """Events, instructions and brakes in one Redis."""

    def __init__(self, redis: Client, pace: Pace) -> None:
        self._redis = redis
        self._pace = pace

    async def brakes(self) -> dict[str, Brake]:
        """What an earlier watchdog was held back by, by service: who begins anew has forgotten nothing."""
        found = {}
        for service, text in (await self._redis.hgetall(streams.WATCHDOG_BRAKES)).items():
            try:
                kept = WatchdogBrake.model_validate_json(text)
            except ValidationError as error:
                _log.error("brake not readable, begun anew", service=service.decode(), error=str(error))
                continue
            found[service.decode()] = Brake(self._pace, kept.restarts, open=kept.open)
        return found

    async def write(self, event: WatchdogEvent, brake: Brake | None, control: Control | None = None) -> None:
        """Tell of an act, keep the brake, and send the instruction: all of it, or nothing."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(streams.WATCHDOG_EVENTS, wrap(event, id=new_id(), source=SOURCE).to_fields())
            if brake is not None:
                kept = WatchdogBrake(restarts=brake.times, open=brake.open)
                pipeline.hset(streams.WATCHDOG_BRAKES, event.service, kept.model_dump_json())
            if control is not None:
                fields = wrap(control, id=new_id(), source=SOURCE).to_fields()
                pipeline.xadd(streams.control(event.service), fields)
            await pipeline.execute()
