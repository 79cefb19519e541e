"""What waits on a stream for a consumer group."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from osiris_mesh.connection import Client
from osiris_mesh.groups import lag_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """The work of one group on one stream.

    Attributes:
        backlog: entries not finished: not handed out yet, or pending.
        oldest_seconds: how long the oldest that nobody has taken up has waited; 0 when all are taken up.
        finished: entries finished since the group exists; None where Redis does not count (before 7.0).
    """

    backlog: int
    oldest_seconds: float
    finished: int | None


async def waiting(redis: Client, names: Sequence[str], group: str) -> dict[str, Waiting]:
    """What waits for `group` on each of the streams: everything, where the group has not been made yet."""
    pipeline = redis.pipeline(transaction=False)
    for stream in names:
        pipeline.xinfo_groups(stream)
    found = dict(zip(names, await pipeline.execute(raise_on_error=False), strict=True))
    facts = {stream: _group(answer, group) for stream, answer in found.items()}
    return {stream: await _waiting(redis, stream, each) if each else _NOTHING for stream, each in facts.items()}


_NOTHING = Waiting(backlog=0, oldest_seconds=0.0, finished=0)


def _group(answer: Any, name: str) -> dict[str, Any] | None:
    if isinstance(answer, ResponseError):
        return None  # no such stream
    if isinstance(answer, Exception):
        raise answer
    unread = {"pending": 0, "last-delivered-id": b"0-0"}
    return next((info for info in answer if info["name"] == name.encode()), unread)


async def _waiting(redis: Client, stream: str, info: dict[str, Any]) -> Waiting:
    pending = int(info["pending"])
    lag = await lag_of(redis, stream, info)
    oldest = await redis.xrange(stream, min=b"(" + info["last-delivered-id"], count=1) if lag else []
    age = time.time() - int(oldest[0][0].split(b"-")[0]) / 1000 if oldest else 0.0
    read = info.get("entries-read")
    return Waiting(
        backlog=pending + lag,
        oldest_seconds=max(age, 0.0),
        finished=None if read is None else max(int(read) - pending, 0),
    )
