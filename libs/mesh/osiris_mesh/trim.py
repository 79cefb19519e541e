"""Streams are trimmed behind every group: what a group has not finished is never cut off, however old it is."""

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

import structlog
from redis.exceptions import RedisError, ResponseError

from osiris_contracts import streams
from osiris_mesh.connection import Client

EVERY_SECONDS = 15.0

_log = structlog.get_logger(__name__)

EntryId = tuple[int, int]


def parse_id(entry_id: bytes | str) -> EntryId:
    """An entry id as (milliseconds, sequence), so that ids compare."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)


async def trim(redis: Client, stream: str, retention: timedelta, now: float) -> int:
    """Drop what is older than `retention` and behind every group of `stream`; returns how many entries went.

    Args:
        now: unix time, seconds.
    """
    try:
        groups = await redis.xinfo_groups(stream)
    except ResponseError:
        return 0  # no such stream
    floor: EntryId = (int((now - retention.total_seconds()) * 1000), 0)
    for group in groups:
        delivered = parse_id(group["last-delivered-id"])
        # the last delivered entry itself is finished once nothing is pending
        floor = min(floor, (delivered[0], delivered[1] + 1))
        if group["pending"]:
            oldest = (await redis.xpending(stream, group["name"]))["min"]
            if oldest is not None:
                floor = min(floor, parse_id(oldest))
    return int(await redis.xtrim(stream, minid=f"{floor[0]}-{floor[1]}", approximate=False))


async def keep_trimming(redis: Client, names: Iterable[str]) -> None:
    """Trim the named streams, for ever."""
    names = tuple(names)
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        for stream in names:
            try:
                await trim(redis, stream, streams.RETENTION.get(stream, streams.DEFAULT_RETENTION), time.time())
            except (RedisError, OSError) as error:
                _log.warning("stream not trimmed", stream=stream, error=str(error))
