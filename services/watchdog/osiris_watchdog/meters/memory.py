"""The memory of every service's processes, as each instance tells it in its presence.

So it needs no more than Redis: not the same machine, not the same container, no Docker socket.
"""

from redis.exceptions import RedisError

from osiris_mesh.connection import Client
from osiris_mesh.presence import roll_call, services
from osiris_watchdog.meters import MeterFailed
from osiris_watchdog.reading import Reading


class MemoryMeter:
    """Reads the presences in one Redis.

    Args:
        but: a service that is not read: who watches is in no state to restart itself.
    """

    def __init__(self, redis: Client, *, but: str) -> None:
        self._redis = redis
        self._but = but

    async def read(self) -> list[Reading]:
        """See `Meter.read`. An instance that fell silent without a goodbye is a reading that failed."""
        try:
            names = [name for name in await services(self._redis) if name != self._but]
            return [reading for name in names for reading in await self._of(name)]
        except (RedisError, OSError) as error:
            raise MeterFailed(f"expected Redis to tell who is there, it did not: {error}") from error

    async def _of(self, service: str) -> list[Reading]:
        readings = []
        for instance, presence in (await roll_call(self._redis, service)).items():
            mib = presence.memory_mib if presence else None
            failure = "" if mib is not None else "it tells no memory" if presence else "it fell silent"
            readings.append(Reading(service, instance, mib=mib, failure=failure))
        return readings
