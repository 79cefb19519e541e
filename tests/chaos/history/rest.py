"""When the desk is at rest."""

import asyncio

from redis.asyncio import Redis
from tests.support.processes import until

from osiris_mesh.presence import alive


async def at_rest(redis: Redis, wanted: dict[str, int], timeout: float, *, except_stream: str = "") -> float:
    """Wait until nothing is left to do: every process ready, no group with an entry pending or behind; the seconds.

    Args:
        wanted: how many instances of each service there must be.
        except_stream: one that nobody serves any more.

    Raises:
        AssertionError: there still was, after `timeout` seconds; says what.
    """
    began = asyncio.get_running_loop().time()
    left: list[str] = []

    async def calm() -> bool:
        left[:] = [*await _missing(redis, wanted), *await _unfinished(redis, except_stream)]
        return not left

    try:
        await until(calm, timeout=timeout)
    except AssertionError:
        raise AssertionError("; ".join(left)) from None
    return asyncio.get_running_loop().time() - began


async def _missing(redis: Redis, wanted: dict[str, int]) -> list[str]:
    found = {service: sum(each.ready for each in await alive(redis, service)) for service in wanted}
    return [
        f"{found[service]} of {count} {service} ready" for service, count in wanted.items() if found[service] < count
    ]


async def _unfinished(redis: Redis, except_stream: str) -> list[str]:
    left = []
    async for key in redis.scan_iter(_type="stream", count=1_000):
        stream = key.decode()
        if stream == except_stream:
            continue
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.xinfo_stream(stream)
            pipeline.xinfo_groups(stream)
            info, groups = await pipeline.execute()
        for group in groups:
            name = f"{group['name'].decode()} of {stream}"
            if group["pending"]:
                left.append(f"{name} has {group['pending']} entries pending")
            if _number(group["last-delivered-id"]) < _number(info["last-generated-id"]):
                left.append(f"{name} is behind")
    return left


def _number(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.decode().partition("-")
    return int(milliseconds), int(sequence)
