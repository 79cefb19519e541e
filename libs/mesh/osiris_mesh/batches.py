"""Many entries at a time, for writers that pay by the write rather than by the row."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from osiris_contracts import streams
from osiris_mesh import envelope, scripts, tracing
from osiris_mesh.bus import Bus
from osiris_mesh.connection import BLOCK_MS, ensure_group
from osiris_mesh.deadletter import letter
from osiris_mesh.errors import REASON_LENGTH, explain
from osiris_mesh.metrics import Metrics
from osiris_mesh.scripts import Output
from osiris_mesh.takeover import Entry, take_over

Handler = Callable[[Sequence[Any]], Awaitable[None]]

LINGER_SECONDS = 0.2

_log = structlog.get_logger(__name__)


class BatchConsumer:
    """Reads a stream in batches and acknowledges a batch after its handler returned.

    The handler must be idempotent: after a crash the batch comes again. It fails as a whole, and is then tried entry
    by entry, so that one bad message does not hold up its neighbours.

    Args:
        contract: what the entries hold.
        handler: gets the messages of a batch, in order.
        size: entries a batch at most.
        linger_seconds: how long a batch waits to fill up.
        lease_seconds: silence after which a dead instance's entries are taken over.
        max_deliveries: attempts before the dead-letter stream.
    """

    def __init__(
        self,
        bus: Bus,
        metrics: Metrics,
        *,
        stream: str,
        group: str,
        contract: Any,
        handler: Handler,
        lease_seconds: float,
        max_deliveries: int,
        size: int = 500,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        self._bus = bus
        self._metrics = metrics
        self._stream = stream
        self._group = group
        self._adapter: TypeAdapter[Any] = TypeAdapter(contract)
        self._handler = handler
        self._lease_ms = int(lease_seconds * 1000)
        self._max_deliveries = max_deliveries
        self._size = size
        self._linger = linger_seconds

    async def run(self) -> None:
        """Consume, for ever. Cancelling it between batches loses nothing.

        Raises:
            RedisError: Redis refuses to hand out the stream.
        """
        while True:
            try:
                await ensure_group(self._bus.redis, self._stream, self._group)
                while True:
                    # what this or a dead instance was handed and did not finish comes before anything new
                    await self._handle(await self._abandoned())
                    await self._handle(await self._new())
            except (RedisError, OSError) as error:
                if "NOGROUP" in str(error):
                    _log.warning("the group was gone; made again", stream=self._stream, group=self._group)
                    continue
                if isinstance(error, ResponseError) and not isinstance(error, OutOfMemoryError):
                    raise
                _log.warning("stream not readable, trying again", stream=self._stream, error=str(error))
                await asyncio.sleep(0.5)

    async def _new(self) -> list[Entry]:
        entries = await self._read(BLOCK_MS)
        if entries and len(entries) < self._size:
            await asyncio.sleep(self._linger)
            entries += await self._read(None)
        return entries

    async def _read(self, block: int | None) -> list[Entry]:
        found = await self._bus.redis.xreadgroup(
            self._group, self._bus.instance, {self._stream: ">"}, count=self._size, block=block
        )
        return list(found[0][1]) if found else []

    async def _abandoned(self) -> list[Entry]:
        return await take_over(
            self._bus.redis,
            self._stream,
            self._group,
            self._bus.instance,
            idle_ms=self._lease_ms,
            count=self._size,
        )

    async def _handle(self, entries: list[Entry]) -> None:
        good: list[tuple[Entry, Any]] = []
        attributes: list[envelope.Envelope] = []
        for entry in entries:
            try:
                parsed = envelope.parse(entry[1])
                good.append((entry, self._adapter.validate_json(parsed.data)))
                attributes.append(parsed)
            except (envelope.MalformedEnvelope, ValidationError) as error:
                await self._bury(entry, explain(error), 1)
        if not good:
            return
        with tracing.process_all(self._stream, self._group, attributes):
            await self._handle_all(good)

    async def _handle_all(self, good: list[tuple[Entry, Any]]) -> None:
        try:
            await self._handler([message for _, message in good])
        except Exception:
            _log.exception("batch failed, trying entry by entry", stream=self._stream, entries=len(good))
            for entry, message in good:
                await self._alone(entry, message)
        else:
            await self._acknowledge([entry for entry, _ in good])

    async def _alone(self, entry: Entry, message: Any) -> None:
        for attempt in range(1, self._max_deliveries + 1):
            try:
                await self._handler([message])
            except Exception as error:
                self._metrics.failed.labels(self._stream).inc()
                tracing.failed(error)
                if attempt == self._max_deliveries:
                    await self._bury(entry, f"failed {attempt} times, last: {type(error).__name__}: {error}", attempt)
                else:
                    await asyncio.sleep(min(0.1 * 2**attempt, 2.0))
            else:
                await self._acknowledge([entry])
                return

    async def _acknowledge(self, entries: list[Entry]) -> None:
        await self._bus.redis.xack(self._stream, self._group, *(entry_id for entry_id, _ in entries))
        self._metrics.handled.labels(self._stream).inc(len(entries))

    async def _bury(self, entry: Entry, reason: str, deliveries: int) -> None:
        entry_id, fields = entry
        reason = reason[:REASON_LENGTH]
        put_aside = letter(fields, entry_id=entry_id.decode(), group=self._group, reason=reason, deliveries=deliveries)
        outputs = [Output(streams.dead(self._stream), put_aside)]
        await scripts.acknowledge(self._bus.writer, self._stream, self._group, entry_id.decode(), outputs)
        self._metrics.dead.labels(self._stream).inc()
        _log.error("entry put aside", entry_id=entry_id.decode(), reason=reason, dead=streams.dead(self._stream))
