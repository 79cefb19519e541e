"""Streams are trimmed behind every group: what a group has not finished is never cut off, however old it is."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from redis.exceptions import RedisError, ResponseError

from osiris_contracts import streams
from osiris_contracts.streams import Retention
from osiris_mesh.capabilities import trims_acknowledged
from osiris_mesh.connection import Client
from osiris_mesh.entry_id import LAST, EntryId, format_id, next_id, parse_id
from osiris_mesh.groups import lag_of

EVERY_SECONDS = 15.0

_log = structlog.get_logger(__name__)


async def trim(redis: Client, stream: str, retention: Retention, now: float) -> int:
    """Drop what every group has finished and `retention` does not keep; returns how many entries went.

    On Redis 8.2 an entry that is worked on long holds up nothing but itself; on an older one, and on Valkey, all that
    came after it waits as well.

    Args:
        now: unix time, seconds.
    """
    try:
        groups = await redis.xinfo_groups(stream)
    except ResponseError:
        return 0  # no such stream
    handed = min((next_id(parse_id(group["last-delivered-id"])) for group in groups), default=LAST)
    oldest_kept: EntryId = (max(int((now - retention.age.total_seconds()) * 1000), 0), 0)
    if await trims_acknowledged(redis):
        dropped = await redis.xtrim(
            stream, minid=format_id(min(handed, oldest_kept)), approximate=False, ref_policy="ACKED"
        )
        # asked for no more than is finished, Redis does not walk through what waits
        length = max(retention.length, await _unfinished(redis, stream, groups))
        return int(dropped + await redis.xtrim(stream, maxlen=length, approximate=False, ref_policy="ACKED"))
    finished = min(handed, await _oldest_pending(redis, stream, groups))
    dropped = await redis.xtrim(stream, minid=format_id(min(finished, oldest_kept)), approximate=False)
    excess = await redis.xlen(stream) - retention.length
    if excess > 0:  # LIMIT goes with whole nodes alone: up to a hundred entries more stay
        dropped += await redis.xtrim(stream, minid=format_id(finished), approximate=True, limit=excess)
    return int(dropped)


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
            length = lengths.get(stream, lengths.get(streams.base(stream), retention.length))
            try:
                await trim(redis, stream, retention._replace(length=length), time.time())
                if stream != streams.base(stream):
                    continue  # the dead letters of all lanes lie under the name of the stream
                if gone := await trim_dead_letters(redis, stream, time.time()):
                    _log.warning(
                        "old dead letters dropped", stream=stream, letters=gone, older_than_days=streams.DEAD_AGE.days
                    )
            except (RedisError, OSError) as error:
                _log.warning("stream not trimmed", stream=stream, error=str(error))


async def _unfinished(redis: Client, stream: str, groups: Sequence[Mapping[str, Any]]) -> int:
    """At least as many entries as some group has not finished."""
    lags = [await lag_of(redis, stream, group) for group in groups]
    return max(lags, default=0) + sum(int(group["pending"]) for group in groups)


async def _oldest_pending(redis: Client, stream: str, groups: Sequence[Mapping[str, Any]]) -> EntryId:
    oldest = [(await redis.xpending(stream, group["name"]))["min"] for group in groups if group["pending"]]
    return min((parse_id(each) for each in oldest if each is not None), default=LAST)
