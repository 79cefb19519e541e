"""Who is alive: every instance says so every few seconds, and is forgotten when it stops."""

import asyncio
import time
from collections.abc import Callable

import structlog
from redis.exceptions import BusyLoadingError, OutOfMemoryError, RedisError

from osiris_contracts import Presence
from osiris_mesh.connection import Client
from osiris_mesh.patience import Patience
from osiris_mesh.tasks import within

EVERY_SECONDS = 2.0
LAPSE_SECONDS = 7.0
MISSED_SECONDS = 86_400.0
"""How long a service that did not say goodbye is still missed."""

_SERVICES = "presence"

_log = structlog.get_logger(__name__)


def _roll(service: str) -> str:
    return f"presence:{service}"


async def announce(redis: Client, presence: Presence) -> None:
    """Tell the mesh that an instance lives, for the next LAPSE_SECONDS."""
    key = f"{_roll(presence.service)}:{presence.instance}"
    now = time.time()
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.set(key, presence.model_dump_json(), px=int(LAPSE_SECONDS * 1000))
        pipeline.zadd(_roll(presence.service), {key: now + LAPSE_SECONDS})
        pipeline.zremrangebyscore(_roll(presence.service), "-inf", now)
        pipeline.zadd(_SERVICES, {presence.service: now})
        await pipeline.execute()


async def withdraw(redis: Client, service: str, instance: str) -> None:
    """Tell the mesh that an instance is gone."""
    key = f"{_roll(service)}:{instance}"
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(key)
        pipeline.zrem(_roll(service), key)
        pipeline.zcard(_roll(service))
        *_, left = await pipeline.execute()
    if not left:
        await redis.zrem(_SERVICES, service)


async def alive(redis: Client, service: str) -> list[Presence]:
    """The living instances of `service`."""
    return [presence for presence in (await roll_call(redis, service)).values() if presence is not None]


async def roll_call(redis: Client, service: str) -> dict[str, Presence | None]:
    """The instances of `service` by name; None for one that fell silent without a goodbye."""
    keys = await redis.zrange(_roll(service), 0, -1)
    if not keys:
        return {}
    values = await redis.mget(keys)
    names = [key.decode().removeprefix(f"{_roll(service)}:") for key in keys]
    return {
        name: None if value is None else Presence.model_validate_json(value)
        for name, value in zip(names, values, strict=True)
    }


async def services(redis: Client) -> list[str]:
    """The services that live, and those that died without a goodbye within MISSED_SECONDS, by name."""
    return sorted(name.decode() for name in await redis.zrangebyscore(_SERVICES, time.time() - MISSED_SECONDS, "+inf"))


async def keep_announcing(redis: Client, presence: Callable[[], Presence], patience: Patience) -> None:
    """Announce what `presence` says, for ever.

    Raises:
        RedisLost: Redis did not answer for longer than `patience`. That it is full, or still loads what it holds,
            passes; that it takes no writes any more, as a replica, does not.
    """
    while True:
        try:
            # an attempt on a Redis that hangs takes 20 s by itself
            await within(max(patience.left, EVERY_SECONDS), announce(redis, presence()))
        except (BusyLoadingError, OutOfMemoryError) as error:
            _log.warning("presence not announced", error=str(error))
            patience.succeeded()
        except (RedisError, OSError) as error:
            _log.warning("presence not announced", error=str(error))
            patience.failed(error)
        else:
            patience.succeeded()
        await asyncio.sleep(EVERY_SECONDS)
