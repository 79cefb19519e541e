"""Streams are trimmed behind every group: what a group has not finished is never cut off, however old it is."""

import asyncio
import time
from collections.abc import Iterable, Mapping

import structlog
from redis.exceptions import RedisError, ResponseError

from osiris_contracts import streams
from osiris_contracts.streams import Retention
from osiris_mesh.capabilities import trims_acknowledged
from osiris_mesh.connection import Client
from osiris_mesh.entry_id import LAST, EntryId, format_id, next_id, parse_id

EVERY_SECONDS = 15.0

_log = structlog.get_logger(__name__)


async def trim(redis: Client, stream: str, retention: Retention, now: float) -> int:
    """Drop what every group has finished and `retention` does not keep; returns how many entries went.

    On Redis 8.2 an entry that is worked on long holds up nothing but itself; on an older one, and on Valkey, all that
    came after it waits as well.

    Args:
        now: unix time, seconds.
    """
    oldest_kept: EntryId = (max(int((now - retention.age.total_seconds()) * 1000), 0), 0)
    if await trims_acknowledged(redis):
        return await _trim_acknowledged(redis, stream, oldest_kept, retention.length)
    return await _trim_behind(redis, stream, await _floor(redis, stream), oldest_kept, retention.length)


async def trim_dead_letters(redis: Client, stream: str, now: float) -> int:
    """Drop the dead letters of `stream` that nobody looked after for `streams.DEAD_AGE`; returns how many went."""
    oldest_kept = int((now - streams.DEAD_AGE.total_seconds()) * 1000)
    return int(await redis.xtrim(streams.dead(stream), minid=max(oldest_kept, 0), approximate=False))


async def keep_trimming(redis: Client, names: Iterable[str], lengths: Mapping[str, int]) -> None:
    """Trim the named streams and their dead letters, for ever; `lengths` go before what the contracts say."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        for stream in tuple(names):
            retention = streams.retention(stream)
            if stream in lengths:
                retention = retention._replace(length=lengths[stream])
            try:
                await trim(redis, stream, retention, time.time())
                if gone := await trim_dead_letters(redis, stream, time.time()):
                    _log.warning(
                        "old dead letters dropped", stream=stream, letters=gone, older_than_days=streams.DEAD_AGE.days
                    )
            except (RedisError, OSError) as error:
                _log.warning("stream not trimmed", stream=stream, error=str(error))


async def _trim_acknowledged(redis: Client, stream: str, oldest_kept: EntryId, length: int) -> int:
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.xtrim(stream, minid=format_id(oldest_kept), approximate=False, ref_policy="ACKED")
        pipeline.xtrim(stream, maxlen=length, approximate=False, ref_policy="ACKED")
        return sum(await pipeline.execute())


async def _trim_behind(redis: Client, stream: str, floor: EntryId, oldest_kept: EntryId, length: int) -> int:
    dropped = int(await redis.xtrim(stream, minid=format_id(min(floor, oldest_kept)), approximate=False))
    excess = await redis.xlen(stream) - length
    if excess > 0:  # LIMIT goes with whole nodes alone: up to a hundred entries more stay
        dropped += int(await redis.xtrim(stream, minid=format_id(floor), approximate=True, limit=excess))
    return dropped


async def _floor(redis: Client, stream: str) -> EntryId:
    """The first entry that some group has not finished."""
    try:
        groups = await redis.xinfo_groups(stream)
    except ResponseError:
        return LAST  # no such stream
    floor = LAST
    for group in groups:
        floor = min(floor, next_id(parse_id(group["last-delivered-id"])))
        if group["pending"] and (oldest := (await redis.xpending(stream, group["name"]))["min"]):
            floor = min(floor, parse_id(oldest))
    return floor
