"""One subscription: FastStream reads the stream, what it read is handled here, where the promise of delivery is kept.

FastStream's own way from a read to a handler costs some 300 µs an entry, so it hands over whole reads, and each entry
becomes a task. Only its public names are used: `parser`, a broker middleware, and of a subscriber `last_id`, `running`,
`tasks`, `start()` and `stop()`.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Self

import structlog
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from redis.exceptions import RedisError, ResponseError

from osiris_mesh import envelope
from osiris_mesh.connection import Client, ensure_group
from osiris_mesh.control import Controls
from osiris_mesh.handling import Entry, Handler, Handling
from osiris_mesh.leases import Leases
from osiris_mesh.metrics import Metrics
from osiris_mesh.patience import Patience
from osiris_mesh.takeover import take_over
from osiris_mesh.tasks import end
from osiris_mesh.terms import Terms
from osiris_mesh.writer import Writer

POLL_MS = 1_000
_GIVE_BACK_SECONDS = 0.1

_log = structlog.get_logger(__name__)


class _Stream(StreamSub):
    """A stream without a prefix; FastStream gives it one, and a deep copy with it, for every read."""

    def add_prefix(self, prefix: str) -> Self:
        return self


class Subscription:
    """A consumer group's reading of one stream by one instance.

    Args:
        stream: what is read; one lane, where the stream has several.
        base: the stream that it is a lane of, whose name the dead letters bear; else the same.
    """

    def __init__(
        self,
        *,
        stream: str,
        base: str,
        group: str,
        consumer: str,
        contract: Any,
        handler: Handler,
        terms: Terms,
        redis: Client,
        writer: Writer,
        controls: Controls,
        metrics: Metrics,
    ) -> None:
        self.stream = stream
        self.group = group
        self._consumer = consumer
        self._contract = contract
        self._handler = handler
        self._terms = terms
        self._redis = redis
        self._metrics = metrics
        self._leases = Leases(redis, stream, group, consumer, terms)
        self._handling = Handling(
            stream=stream,
            base=base,
            group=group,
            contract=contract,
            handler=handler,
            terms=terms,
            leases=self._leases,
            writer=writer,
            controls=controls,
            metrics=metrics,
        )
        self._free = asyncio.Semaphore(terms.workers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False
        self._stream_subscriber: Any = None

    @property
    def in_flight(self) -> int:
        """Entries being handled."""
        return self._leases.in_flight

    # --- FastStream's hooks -------------------------------------------------------------------------------------

    def register(self, broker: RedisBroker) -> None:
        """Declare the subscription to FastStream, which reads the stream and draws the AsyncAPI page."""
        self._stream_subscriber = broker.subscriber(
            stream=_Stream(
                self.stream,
                group=self.group,
                consumer=self._consumer,
                batch=True,
                max_records=self._terms.workers,
                polling_interval=POLL_MS,
            ),
            parser=self._parse,
            no_reply=True,
            title=f"{self.group}:{self.stream}",
        )

        async def handle(message: Any) -> None:
            """Never called: FastStream reads the payload's schema from the annotation, and the text below."""

        handle.__annotations__ = {"message": self._contract}
        handle.__doc__ = self._handler.__doc__
        self._stream_subscriber(handle)
        self._nothing_is_skipped()

    def _nothing_is_skipped(self) -> None:
        """A group that vanishes just before FastStream starts is made at the beginning, not at the stream's end."""
        self._stream_subscriber.last_id = "0"

    async def _start(self) -> None:
        await self.prepare()
        self._nothing_is_skipped()
        await self._stream_subscriber.start()

    async def _parse(self, raw: Any, _original: Any) -> RedisStreamMessage:
        return RedisStreamMessage(raw_message=raw, body=b"", consumer=self._redis, group=self.group)

    async def consume(self, read: Mapping[str, Any]) -> None:
        """Begin with the entries of one read, in order, each as soon as fewer than `workers` are being handled."""
        for entry_id, fields in zip(read["message_ids"], read["data"], strict=True):
            await self._begin(entry_id.decode(), fields, 1)
        await asyncio.sleep(0)  # they begin before FastStream asks for more

    async def _begin(self, entry_id: str, fields: Entry, deliveries: int) -> None:
        await self._free.acquire()
        if not self._stream_subscriber.running:  # stopped meanwhile: it is given back
            self._free.release()
            return
        task = asyncio.create_task(self._handling.handle(entry_id, fields, deliveries))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()):
            _log.error("the entry stays pending", stream=self.stream, exc_info=error)

    # --- leases and takeover ------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Make the group, at the beginning of the stream."""
        await ensure_group(self._redis, self.stream, self.group)

    async def keep_leases(self) -> None:
        """Renew, for ever, the lease on every entry this instance holds."""
        await self._leases.keep()

    async def keep_taking_over(self) -> None:
        """Take over, for ever, what dead instances left and what handlers gave back; heal a lost group.

        Raises:
            RedisLost: the stream could not be read for longer than the terms' patience.
        """
        every = min(1.0, self._terms.lease_seconds / 4)
        patience = Patience(self._terms.patience_seconds)
        while True:
            await asyncio.sleep(every)
            try:
                if not self._paused:
                    await self._heal()
                    await self._take_over()
            except (RedisError, OSError) as error:
                _log.warning("nothing taken over", stream=self.stream, error=str(error))
                patience.failed(error)
            else:
                patience.succeeded()

    async def _heal(self) -> None:
        # FastStream stops a subscriber whose group vanished (a flushed or replaced Redis)
        if not self._stream_subscriber.running:
            _log.warning("the group was gone; made again", stream=self.stream, group=self.group)
            self._leases.nothing_waits()
            await self._start()

    async def _take_over(self) -> None:
        free = self._terms.workers - self.in_flight
        if free <= 0:
            return
        idle = int(self._terms.lease_seconds * 1000)
        try:
            entries = await take_over(self._redis, self.stream, self.group, self._consumer, idle_ms=idle, count=free)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await self.prepare()
            return
        for entry_id, fields in entries:
            await self._redeliver(entry_id, fields)

    async def _redeliver(self, entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        self._leases.comes_again(entry_id.decode())
        pending = await self._redis.xpending_range(self.stream, self.group, min=entry_id, max=entry_id, count=1)
        if not pending:
            return
        deliveries = int(pending[0]["times_delivered"])
        delivery = None
        if deliveries > self._terms.max_deliveries:
            reason = f"delivered {deliveries - 1} times, and its worker died each time"
            with contextlib.suppress(envelope.MalformedEnvelope):
                delivery = self._handling.delivery(envelope.parse(fields), entry_id.decode(), deliveries - 1)
            await self._handling.bury(fields, entry_id.decode(), reason, deliveries - 1, delivery)
            return
        self._leases.taken_over(entry_id.decode())
        await self._begin(entry_id.decode(), fields, deliveries)

    # --- drain --------------------------------------------------------------------------------------------------

    async def pause(self) -> None:
        """Read nothing new; what is being handled goes on, what only waits is given back at once."""
        self._paused = True
        reading = list(self._stream_subscriber.tasks)
        stopping = asyncio.create_task(self._stop())
        while not stopping.done():
            await asyncio.wait({stopping}, timeout=_GIVE_BACK_SECONDS)
            await self._leases.give_back_waiting()  # and what a read that was on its way still brought
        await stopping
        await end(*reading)
        await self._leases.give_back_waiting()

    async def _stop(self) -> None:
        stopping = asyncio.create_task(self._stream_subscriber.stop())
        await asyncio.sleep(0)  # from here on nothing new is begun
        await asyncio.wait({stopping, *self._tasks}, timeout=self._terms.drain_seconds)
        await end(*self._tasks)
        await stopping

    async def resume(self) -> None:
        """Read again."""
        if not self._stream_subscriber.running:
            await self._start()
        self._paused = False  # last, or the healing would start it as well

    async def abandon(self) -> None:
        """Give everything still held back at once, and leave the group."""
        await self._leases.abandon()
