"""One subscription: FastStream reads the stream and runs the handlers, this file keeps the promise of delivery.

Only FastStream's public names are used: `parser`, `decoder`, a broker middleware, and of a subscriber `running`,
`tasks`, `start()`, `stop()` and `consume_one()`.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from pydantic import BaseModel, TypeAdapter, ValidationError
from redis.exceptions import RedisError, ResponseError

from osiris_contracts import ErrorCode, ErrorReply, streams
from osiris_mesh import envelope, scripts
from osiris_mesh.connection import Client, ensure_group
from osiris_mesh.control import Controls
from osiris_mesh.deadletter import letter
from osiris_mesh.delivery import Delivery, current_delivery, set_current_delivery
from osiris_mesh.entry_id import EntryId, parse_id
from osiris_mesh.errors import REASON_LENGTH, Refused, explain
from osiris_mesh.groups import lag_of
from osiris_mesh.metrics import Metrics
from osiris_mesh.patience import Patience
from osiris_mesh.scripts import Finished, Output
from osiris_mesh.takeover import take_over
from osiris_mesh.tasks import end
from osiris_mesh.writer import Writer

Handler = Callable[[Any, Delivery], Awaitable[BaseModel | None]]

POLL_MS = 1_000
_GIVE_BACK_SECONDS = 0.1
_NOW_CLAIMABLE = 10**9  # milliseconds of idleness given to an entry that anybody may take

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a subscription works.

    Attributes:
        lease_seconds: silence after which an instance's work is taken over.
        max_deliveries: attempts before the dead-letter stream.
        effect_seconds: how long a message id is remembered.
        answers_kept: answers that are remembered as well, of the whole group.
        workers: entries handled at once.
        patience_seconds: how long Redis may refuse to hand out the stream before the service gives up.
    """

    lease_seconds: float
    max_deliveries: int
    effect_seconds: int
    answers_kept: int
    workers: int
    patience_seconds: float


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
        self._base = base
        self._batch_lane = streams.lane(base, "batch") if base in streams.LANED else None
        self._consumer = consumer
        self._contract = contract
        self._adapter: TypeAdapter[Any] = TypeAdapter(contract)
        self._handler = handler
        self._terms = terms
        self._redis = redis
        self._writer = writer
        self._controls = controls
        self._metrics = metrics
        self._given_back: set[str] = set()
        self._handling: set[str] = set()
        self._redelivered: set[str] = set()
        self._newest_begun: EntryId = (0, 0)
        self._paused = False
        self._stream_subscriber: Any = None

    @property
    def in_flight(self) -> int:
        """Entries being handled."""
        return len(self._handling)

    def register(self, broker: RedisBroker) -> None:
        """Declare the subscription to FastStream, which reads the stream and draws the AsyncAPI page."""
        self._stream_subscriber = broker.subscriber(
            stream=StreamSub(
                self.stream,
                group=self.group,
                consumer=self._consumer,
                max_records=self._terms.workers,
                polling_interval=POLL_MS,
            ),
            max_workers=self._terms.workers,
            parser=self._parse,
            decoder=self._decode,
            no_reply=True,
            title=f"{self.group}:{self.stream}",
        )

        async def handle(message: Any) -> BaseModel | None:
            return await self._handler(message, current_delivery())

        # FastStream reads the payload's schema from the annotation
        handle.__annotations__ = {"message": self._contract}
        handle.__doc__ = self._handler.__doc__
        self._stream_subscriber(handle)

    # --- FastStream's hooks -------------------------------------------------------------------------------------

    async def _parse(self, raw: Any, _original: Any) -> RedisStreamMessage:
        """Never fails: what cannot be read must still reach the dead-letter code."""
        return RedisStreamMessage(
            raw_message=raw,
            body=raw["data"].get(b"data", b""),
            message_id=raw["message_ids"][0].decode(),
            consumer=self._redis,
            group=self.group,
        )

    async def _decode(self, message: RedisStreamMessage, _original: Any) -> Any:
        return self._adapter.validate_json(message.body)

    async def consume(self, call_next: Callable[[Any], Awaitable[Any]], message: RedisStreamMessage) -> None:
        """Handle one entry to its end: answered and acknowledged, moved, retried later, or put aside."""
        raw: dict[str, Any] = dict(message.raw_message)
        self._redelivered.discard(message.message_id)
        deliveries = raw.get("delivery_counts", [0])[0] + 1
        try:
            await self._handle(call_next, message, raw["data"], deliveries)
        except (RedisError, OSError) as error:
            self._given_back.add(message.message_id)  # its lease runs out, then it is tried again
            _log.error("redis failed, the entry stays pending", entry_id=message.message_id, error=str(error))

    async def _handle(
        self,
        call_next: Callable[[Any], Awaitable[Any]],
        message: RedisStreamMessage,
        entry: dict[bytes, bytes],
        deliveries: int,
    ) -> None:
        entry_id = message.message_id
        try:
            attributes = envelope.parse(entry)
        except envelope.MalformedEnvelope as error:
            await self._bury(entry, entry_id, str(error), deliveries)
            return
        delivery = self._delivery(attributes, entry_id, deliveries)
        if self._is_mislaid(attributes):
            await delivery.move(streams.lane(self._base, attributes.priority))
            return
        with structlog.contextvars.bound_contextvars(
            stream=self.stream, message_id=delivery.id, correlation_id=delivery.correlation_id
        ):
            self._handling.add(entry_id)
            if deliveries == 1:
                self._newest_begun = max(self._newest_begun, parse_id(entry_id))
            self._metrics.in_flight.labels(self.stream).inc()
            started = time.perf_counter()
            try:
                await self._settle(delivery, entry, lambda: call_next(message))
            finally:
                self._handling.discard(entry_id)
                self._metrics.in_flight.labels(self.stream).dec()
                self._metrics.seconds.labels(self.stream).observe(time.perf_counter() - started)

    def _is_mislaid(self, attributes: envelope.Envelope) -> bool:
        """Whether it is batch work in the desk's lane, where it would stand before the desk's own."""
        return self.stream == self._base and streams.lane(self._base, attributes.priority) == self._batch_lane

    def _delivery(self, attributes: envelope.Envelope, entry_id: str, deliveries: int) -> Delivery:
        return Delivery(
            stream=self.stream,
            group=self.group,
            entry_id=entry_id,
            envelope=attributes,
            deliveries=deliveries,
            source=self.group,
            writer=self._writer,
            effect_seconds=self._terms.effect_seconds,
            answers_kept=self._terms.answers_kept,
        )

    async def _settle(self, delivery: Delivery, entry: dict[bytes, bytes], work: Callable[[], Awaitable[Any]]) -> None:
        if delivery.deliveries > 1:
            self._metrics.retried.labels(self.stream).inc()
        if (kept := await delivery.earlier_effect()) is not None:
            await self._repeat(delivery, kept)
            return
        try:
            reply = await self._work(delivery, work)
        except ValidationError as error:
            await self._bury(entry, delivery.entry_id, explain(error), delivery.deliveries, delivery)
        except Exception as error:
            self._metrics.failed.labels(self.stream).inc()
            _log.exception("handler failed", deliveries=delivery.deliveries)
            if delivery.deliveries >= self._terms.max_deliveries:
                reason = f"failed {delivery.deliveries} times, last: {type(error).__name__}: {error}"
                await self._bury(entry, delivery.entry_id, reason, delivery.deliveries, delivery)
            else:
                await self._give_back(delivery.entry_id)
        else:
            await self._finish(delivery, reply)

    async def _finish(self, delivery: Delivery, reply: BaseModel | None) -> None:
        finished = await delivery.finish(reply)
        if finished is Finished.DONE:
            self._metrics.handled.labels(self.stream).inc()
        elif finished is Finished.DUPLICATE:
            await self._repeat(delivery, await delivery.earlier_effect() or b"")

    async def _work(self, delivery: Delivery, work: Callable[[], Awaitable[Any]]) -> BaseModel | None:
        """The handler's answer, or the refusal that takes its place."""
        set_current_delivery(delivery)
        deadline = delivery.envelope.deadline
        left = None if deadline is None else deadline / 1000 - time.time()
        if left is not None and left <= 0:
            return _too_late(deadline)
        try:
            async with self._controls.cancellable(delivery.id), asyncio.timeout(left) as limit:
                answer: BaseModel | None = await work()
                return answer
        except Refused as refusal:
            return refusal.reply()
        except TimeoutError:
            if not limit.expired():
                raise
            return _too_late(deadline)

    async def _repeat(self, delivery: Delivery, kept: bytes) -> None:
        self._metrics.duplicates.labels(self.stream).inc()
        await delivery.repeat(kept)

    async def _bury(
        self, entry: dict[bytes, bytes], entry_id: str, reason: str, deliveries: int, delivery: Delivery | None = None
    ) -> None:
        """Put an entry aside and tell its sender, in one step."""
        reason = reason[:REASON_LENGTH]
        put_aside = letter(entry, entry_id=entry_id, group=self.group, reason=reason, deliveries=deliveries)
        outputs = [Output(streams.dead(self._base), put_aside)]
        if delivery is not None:
            code: ErrorCode = "invalid_request" if deliveries < self._terms.max_deliveries else "internal"
            outputs += delivery.replies(Refused(code, reason).reply())
        if not await scripts.acknowledge(self._writer, self.stream, self.group, entry_id, outputs):
            return
        self._metrics.dead.labels(self.stream).inc()
        _log.error("entry put aside", entry_id=entry_id, reason=reason, dead=streams.dead(self._base))

    # --- leases and takeover ------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Make the group, at the beginning of the stream."""
        await ensure_group(self._redis, self.stream, self.group)

    async def keep_leases(self) -> None:
        """Renew, for ever, the lease on every entry this instance holds, waiting or being handled.

        What Redis handed out in an answer that never arrived is in its name too, but not in its hands.
        """
        every = self._terms.lease_seconds / 3
        while True:
            await asyncio.sleep(every)
            try:
                held = await self._held()
                self._given_back.intersection_update(held)
                if mine := [entry_id for entry_id in held if self._is_in_hand(entry_id)]:
                    await self._redis.xclaim(self.stream, self.group, self._consumer, 0, mine, justid=True)
            except (RedisError, OSError) as error:
                _log.warning("leases not renewed", stream=self.stream, error=str(error))

    def _is_in_hand(self, entry_id: str) -> bool:
        if entry_id in self._given_back:
            return False
        if entry_id in self._handling or entry_id in self._redelivered:
            return True
        # FastStream begins what it read in order, and lets it wait only while all workers are busy
        return self.in_flight >= self._terms.workers and parse_id(entry_id) > self._newest_begun

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
            self._redelivered.clear()
            await self.prepare()
            await self._stream_subscriber.start()

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
        self._given_back.discard(entry_id.decode())
        pending = await self._redis.xpending_range(self.stream, self.group, min=entry_id, max=entry_id, count=1)
        if not pending:
            return
        deliveries = int(pending[0]["times_delivered"])
        delivery = None
        if deliveries > self._terms.max_deliveries:
            reason = f"delivered {deliveries - 1} times, and its worker died each time"
            with contextlib.suppress(envelope.MalformedEnvelope):
                delivery = self._delivery(envelope.parse(fields), entry_id.decode(), deliveries - 1)
            await self._bury(fields, entry_id.decode(), reason, deliveries - 1, delivery)
            return
        self._redelivered.add(entry_id.decode())
        await self._stream_subscriber.consume_one(
            {
                "type": "stream",
                "channel": self.stream,
                "message_ids": [entry_id],
                "data": fields,
                "delivery_counts": [deliveries - 1],
            }
        )

    async def _give_back(self, entry_id: str) -> None:
        """Let anybody, this instance included, try again at once."""
        self._given_back.add(entry_id)
        await self._redis.xclaim(
            self.stream, self.group, self._consumer, 0, [entry_id], idle=_NOW_CLAIMABLE, justid=True
        )

    async def _give_back_waiting(self) -> None:
        try:
            for entry_id in await self._held():
                if entry_id not in self._handling and entry_id not in self._given_back:
                    await self._give_back(entry_id)
        except (RedisError, OSError) as error:
            _log.warning("nothing given back, the lease will run out", stream=self.stream, error=str(error))

    async def _held(self) -> list[str]:
        entries = await self._redis.xpending_range(
            self.stream, self.group, min="-", max="+", count=10_000, consumername=self._consumer
        )
        return [entry["message_id"].decode() for entry in entries]

    # --- drain --------------------------------------------------------------------------------------------------

    async def pause(self) -> None:
        """Read nothing new; what is being handled goes on, what only waits is given back at once."""
        self._paused = True
        reading = list(self._stream_subscriber.tasks)
        stopping = asyncio.create_task(self._stream_subscriber.stop())  # waits for the handlers
        while not stopping.done():
            await asyncio.wait({stopping}, timeout=_GIVE_BACK_SECONDS)
            await self._give_back_waiting()  # and what a read that was on its way still brought
        await stopping
        await end(*reading)
        await self._give_back_waiting()

    async def resume(self) -> None:
        """Read again."""
        if not self._stream_subscriber.running:
            await self.prepare()
            await self._stream_subscriber.start()
        self._paused = False  # last, or the healing would start it as well

    async def abandon(self) -> None:
        """Give everything still held back at once, and leave the group: nobody need wait for the lease to run out."""
        try:
            if held := await self._held():
                await self._redis.xclaim(
                    self.stream, self.group, self._consumer, 0, held, idle=_NOW_CLAIMABLE, justid=True
                )
            else:
                await self._redis.xgroup_delconsumer(self.stream, self.group, self._consumer)
        except (RedisError, OSError) as error:
            _log.warning("the group was not left, the lease will run out", stream=self.stream, error=str(error))

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        for facts in await self._redis.xinfo_groups(self.stream):
            if facts["name"] == self.group.encode():
                self._metrics.lag.labels(self.stream).set(await lag_of(self._redis, self.stream, facts))
                self._metrics.pending.labels(self.stream).set(facts["pending"])
        oldest = await self._redis.xpending_range(self.stream, self.group, min="-", max="+", count=1)
        age = time.time() - int(oldest[0]["message_id"].split(b"-")[0]) / 1000 if oldest else 0.0
        self._metrics.oldest_pending.labels(self.stream).set(max(age, 0.0))


def _too_late(deadline: int | None) -> ErrorReply:
    return ErrorReply(code="deadline_exceeded", message=f"the deadline, {deadline} (unix ms), has passed")
