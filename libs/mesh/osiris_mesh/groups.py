"""The consumer groups of a stream: what each has left to do, and who reads for it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from osiris_contracts import streams
from osiris_mesh.connection import Client
from osiris_mesh.entry_id import parse_id

COUNTED = 2_000
"""Entries that are counted one by one where Redis has no number; beyond that they are estimated."""

_COUNT = """
-- KEYS: stream. ARGV: entry id, most. How many entries come behind it, and the last of those that were counted.
local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
return {#found, #found > 0 and found[#found][1] or ARGV[1]}
"""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One reader of a group.

    Attributes:
        pending: entries it holds.
        idle_seconds: since it last read or claimed; before Redis 7.2, since it last got something.
    """

    name: str
    pending: int
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group and what it has left to do.

    Attributes:
        stream, name: which.
        lag: entries it was not handed yet.
        pending: entries it was handed and has not acknowledged.
        oldest_pending_seconds: since the oldest pending entry was published; None without any.
        oldest_left_seconds: the same of whatever it has not finished, pending or not.
        read: entries it was handed since the stream began; None where Redis does not count them.
        last_delivered: id of the newest entry it was handed.
        consumers: who reads for it.
    """

    stream: str
    name: str
    lag: int
    pending: int
    oldest_pending_seconds: float | None
    oldest_left_seconds: float | None
    read: int | None
    last_delivered: str
    consumers: tuple[Consumer, ...]

    @property
    def left(self) -> int:
        """Entries it has not finished."""
        return self.lag + self.pending

    @property
    def finished(self) -> int | None:
        """Entries it has finished since the stream began; None where Redis does not count them."""
        return None if self.read is None else self.read - self.pending


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream: how many entries it holds, and the groups that read it, by name."""

    stream: str
    length: int
    groups: tuple[Group, ...]


async def stream_names(redis: Client) -> AsyncIterator[str]:
    """Every stream but those for replies, of which there is one a request."""
    async for key in redis.scan_iter(_type="stream", count=1_000):
        name = key.decode(errors="backslashreplace")
        if not streams.is_for_replies(name):
            yield name


async def state_of(redis: Client, stream: str, now: float) -> StreamState:
    """How `stream` is; empty where there is none.

    Args:
        now: unix time, seconds.
    """
    if not await redis.exists(stream):
        return StreamState(stream, 0, ())
    found = sorted(await redis.xinfo_groups(stream), key=lambda facts: facts["name"])
    groups = [await _group(redis, stream, facts, now) for facts in found]
    return StreamState(stream, int(await redis.xlen(stream)), tuple(groups))


async def lag_of(redis: Client, stream: str, facts: Mapping[str, Any]) -> int:
    """Entries of `stream` that were not handed to a group yet.

    Redis counts them from 7.0 on, but no longer once a position was set (as a `Sequencer` does) or an entry deleted.
    What it cannot tell is counted here, up to COUNTED; a longer queue is estimated from how fast it came in.

    Args:
        facts: the group's, from XINFO GROUPS.
    """
    if (known := facts.get("lag")) is not None:
        return int(known)
    info = await redis.xinfo_stream(stream)
    delivered = facts["last-delivered-id"]
    if parse_id(info["last-generated-id"]) <= parse_id(delivered):
        return 0
    counted, reached = await redis.eval(_COUNT, 1, stream, delivered, COUNTED)
    if counted < COUNTED:
        return int(counted)
    begin, so_far, end = (parse_id(each)[0] for each in (delivered, reached, info["last-generated-id"]))
    if (first := info["first-entry"]) is not None:
        begin = max(begin, parse_id(first[0])[0])
    if so_far <= begin:
        return int(info["length"])
    return max(COUNTED, min(int(info["length"]), round(COUNTED * (end - begin) / (so_far - begin))))


async def _group(redis: Client, stream: str, facts: Mapping[str, Any], now: float) -> Group:
    name = facts["name"]
    pending = int(facts["pending"])
    oldest_pending = (await redis.xpending(stream, name))["min"] if pending else None
    lag = await lag_of(redis, stream, facts)
    oldest_left = oldest_pending
    if oldest_left is None and lag:
        waiting = await redis.xrange(stream, min=f"({facts['last-delivered-id'].decode()}", count=1)
        oldest_left = waiting[0][0] if waiting else None
    delivered = facts["last-delivered-id"].decode()
    read = 0 if delivered == "0-0" else facts.get("entries-read")
    return Group(
        stream=stream,
        name=name.decode(errors="backslashreplace"),
        lag=lag,
        pending=pending,
        oldest_pending_seconds=_age(oldest_pending, now),
        oldest_left_seconds=_age(oldest_left, now),
        read=None if read is None else int(read),
        last_delivered=delivered,
        consumers=tuple(
            Consumer(each["name"].decode(errors="backslashreplace"), int(each["pending"]), int(each["idle"]) / 1000)
            for each in await redis.xinfo_consumers(stream, name)
        ),
    )


def _age(entry_id: bytes | None, now: float) -> float | None:
    return None if entry_id is None else max(now - parse_id(entry_id)[0] / 1000, 0.0)
