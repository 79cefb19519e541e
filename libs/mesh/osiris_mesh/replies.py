"""One reply stream an instance, one reader loop, and whoever waits is woken by the id of what was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import REPLY, Chunk, ErrorReply, GenerateResult
from osiris_mesh import envelope
from osiris_mesh.connection import BLOCK_MS, Client
from osiris_mesh.tasks import end

AnyReply = Chunk | GenerateResult | ErrorReply

_READ = 1_000
_TRIM_EVERY = 500

_log = structlog.get_logger(__name__)


class Replies:
    """Reads one reply stream and hands each reply to the request that caused it."""

    def __init__(self, redis: Client, stream: str) -> None:
        self._redis = redis
        self.stream = stream
        self._waiting: dict[str, asyncio.Queue[AnyReply]] = {}
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
            self._task = None

    @asynccontextmanager
    async def of(self, request_id: str) -> AsyncIterator[asyncio.Queue[AnyReply]]:
        """The replies to `request_id`, in order, from now until the block ends."""
        queue = self._waiting[request_id] = asyncio.Queue()
        try:
            yield queue
        finally:
            self._waiting.pop(request_id, None)

    async def _run(self) -> None:
        while True:
            try:
                found = await self._redis.xread({self.stream: self._last}, count=_READ, block=BLOCK_MS)
            except (RedisError, OSError) as error:
                _log.warning("reply stream not readable, trying again", error=str(error))
                await asyncio.sleep(0.2)
                continue
            for _, entries in found or ():
                for entry_id, fields in entries:
                    self._last = entry_id
                    self._dispatch(fields)
                await self._trim(len(entries))

    def _dispatch(self, fields: dict[bytes, bytes]) -> None:
        cause = fields.get(b"causationid", b"").decode(errors="replace")
        queue = self._waiting.get(cause)
        if queue is None:
            return
        try:
            queue.put_nowait(REPLY.validate_json(envelope.parse(fields).data))
        except (envelope.MalformedEnvelope, ValidationError) as error:
            _log.warning("reply refused", causation_id=cause, error=str(error))

    async def _trim(self, read: int) -> None:
        self._since_trim += read
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            await self._redis.xtrim(self.stream, minid=self._last, approximate=True)
