"""Answers: one reader loop an instance, whatever the number of requests, and whoever waits is woken.

Most answers come on one stream of the instance, and are told apart by the id of what was asked. An answer that may be
asked for again, even of another instance, has a stream of its own, which is read from its beginning.
"""

import asyncio
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import REPLY, AnyReply
from osiris_mesh.connection import BLOCK_MS, Client
from osiris_mesh.errors import explain
from osiris_mesh.inbox import Inbox
from osiris_mesh.tasks import end
from osiris_mesh.wire import Wire, packed

Entries = list[tuple[bytes, list[bytes]]]
_READ = 1_000
_TRIM_EVERY = 500
_TRIM_BYTES = 4096
"""A reply counts once more for every so many: clips of speech are a hundred times as long as text."""

WAKE = b"wake"
"""The field of an entry by which an instance wakes its own reader; to others it says nothing."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Followed:
    """A stream of one answer: how far it was read, what was on it, and who follows it."""

    last: bytes = b"0-0"
    replies: list[AnyReply] = field(default_factory=list)
    followers: list[Inbox] = field(default_factory=list)


class Replies:
    """Reads reply streams and hands each reply to the request that caused it.

    Args:
        stream: where the answers of this instance come.
    """

    def __init__(self, redis: Client, stream: str) -> None:
        self._redis = redis
        self._wire = Wire(redis)
        self.stream = stream
        self._waiting: dict[bytes, Inbox] = {}
        self._followed: dict[str, _Followed] = {}
        self._last = b"0-0"
        self._since_trim = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read behind what is there now."""
        newest = await self._redis.xrevrange(self.stream, count=1)
        self._last = newest[0][0] if newest else b"0-0"
        self._task = asyncio.create_task(self._run(), name="mesh-replies")

    async def stop(self) -> None:
        """End, whoever waits."""
        if self._task is not None:
            await end(self._task)
            await self._wire.close()
            self._task = None

    def expect(self, request_id: str) -> Inbox:
        """The replies to `request_id` on the instance's stream, in order, from now until it is told to forget them."""
        inbox = self._waiting[request_id.encode()] = Inbox()
        return inbox

    def forget(self, request_id: str) -> None:
        """Nobody expects replies to `request_id` any more."""
        self._waiting.pop(request_id.encode(), None)

    async def follow(self, stream: str) -> Inbox:
        """The replies on the stream of one answer, from its beginning until somebody leaves it."""
        is_new = stream not in self._followed
        followed = self._followed.setdefault(stream, _Followed())
        inbox = Inbox()
        for reply in followed.replies:
            inbox.put(reply)
        followed.followers.append(inbox)
        if is_new:
            try:
                await self._redis.xadd(self.stream, {WAKE: "1"})  # the loop waits for the streams it knew
            except BaseException:
                self.leave(stream, inbox)
                raise
        return inbox

    def leave(self, stream: str, inbox: Inbox) -> None:
        """Follow it no more."""
        followed = self._followed[stream]
        followed.followers.remove(inbox)
        if not followed.followers:
            del self._followed[stream]

    async def _run(self) -> None:
        while True:
            names = [self.stream, *self._followed]
            positions = [self._last, *(followed.last for followed in self._followed.values())]
            command = packed("XREAD", "COUNT", _READ, "BLOCK", BLOCK_MS, "STREAMS", *names, *positions)
            try:
                (found,) = await self._wire.round_trip([command])
                if isinstance(found, RedisError):
                    raise found
            except (RedisError, OSError) as error:
                _log.warning("reply stream not readable, trying again", error=str(error))
                await asyncio.sleep(0.2)
                continue
            for name, entries in dict(found or ()).items():
                if name.decode() == self.stream:
                    await self._take_own(entries)
                elif followed := self._followed.get(name.decode()):
                    _take(followed, entries)
            await asyncio.sleep(0)  # who was woken goes on before more is asked for

    async def _take_own(self, entries: Entries) -> None:
        weight = 0
        for entry_id, flat in entries:
            self._last = entry_id
            fields = _fields(flat)
            inbox = self._waiting.get(fields.get(b"causationid", b""))
            if inbox is not None and (reply := _read(fields)) is not None:
                inbox.put(reply)
            weight += 1 + len(fields.get(b"data", b"")) // _TRIM_BYTES
        await self._trim(weight)

    async def _trim(self, weight: int) -> None:
        self._since_trim += weight
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            await self._redis.xtrim(self.stream, minid=self._last, approximate=True)


def _take(followed: _Followed, entries: Entries) -> None:
    for entry_id, flat in entries:
        followed.last = entry_id
        fields = _fields(flat)
        if b"data" in fields and (reply := _read(fields)) is not None:
            followed.replies.append(reply)
            for inbox in followed.followers:
                inbox.put(reply)


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    parts = iter(flat)
    return dict(zip(parts, parts, strict=True))


def _read(fields: dict[bytes, bytes]) -> AnyReply | None:
    try:
        return REPLY.validate_json(fields.get(b"data", b""))
    except ValidationError as error:
        _log.warning("reply refused", error=explain(error))
        return None
