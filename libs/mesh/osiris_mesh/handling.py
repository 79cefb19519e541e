"""One entry from its coming to its end: answered and acknowledged, moved, retried later, or put aside."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError
from redis.exceptions import RedisError

from osiris_contracts import ErrorCode, ErrorReply, streams
from osiris_mesh import envelope, scripts, tracing
from osiris_mesh.control import Controls
from osiris_mesh.deadletter import letter
from osiris_mesh.delivery import Delivery
from osiris_mesh.envelope import Envelope
from osiris_mesh.errors import REASON_LENGTH, Refused, explain
from osiris_mesh.leases import Leases
from osiris_mesh.metrics import Metrics
from osiris_mesh.scripts import Finished, Output
from osiris_mesh.terms import Terms
from osiris_mesh.writer import Writer

Entry = dict[bytes, bytes]
Handler = Callable[[Any, Delivery], Awaitable[BaseModel | None]]

_log = structlog.get_logger(__name__)


class Handling:
    """Handles the entries of one stream for one group.

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
        contract: Any,
        handler: Handler,
        terms: Terms,
        leases: Leases,
        writer: Writer,
        controls: Controls,
        metrics: Metrics,
    ) -> None:
        self._stream = stream
        self._base = base
        self._batch_lane = streams.lane(base, "batch") if base in streams.LANED else None
        self._group = group
        self._adapter: TypeAdapter[Any] = TypeAdapter(contract)
        self._handler = handler
        self._terms = terms
        self._leases = leases
        self._writer = writer
        self._controls = controls
        self._metrics = metrics
        # looked up once: by name it costs as much as the counting
        self._in_flight = metrics.in_flight.labels(stream)
        self._seconds = metrics.seconds.labels(stream)
        self._handled = metrics.handled.labels(stream)

    async def handle(self, entry_id: str, entry: Entry, deliveries: int) -> None:
        """Handle one entry, in a task of its own, to its end.

        Args:
            deliveries: how often it was handed out, this time included.
        """
        self._leases.has_its_turn(entry_id)
        try:
            await self._handle(entry_id, entry, deliveries)
        except (RedisError, OSError) as error:
            self._leases.let_run_out(entry_id)  # then it is tried again
            _log.error("redis failed, the entry stays pending", entry_id=entry_id, error=str(error))

    async def bury(
        self, entry: Entry, entry_id: str, reason: str, deliveries: int, delivery: Delivery | None = None
    ) -> None:
        """Put an entry aside and tell its sender, in one step."""
        reason = reason[:REASON_LENGTH]
        put_aside = letter(entry, entry_id=entry_id, group=self._group, reason=reason, deliveries=deliveries)
        outputs = [Output(streams.dead(self._base), put_aside)]
        if delivery is not None:
            code: ErrorCode = "invalid_request" if deliveries < self._terms.max_deliveries else "internal"
            outputs += delivery.replies(Refused(code, reason).reply())
        if not await scripts.acknowledge(self._writer, self._stream, self._group, entry_id, outputs):
            return
        self._metrics.dead.labels(self._stream).inc()
        _log.error("entry put aside", entry_id=entry_id, reason=reason, dead=streams.dead(self._base))

    def delivery(self, attributes: Envelope, entry_id: str, deliveries: int) -> Delivery:
        """The entry as its handler sees it."""
        return Delivery(
            stream=self._stream,
            group=self._group,
            entry_id=entry_id,
            envelope=attributes,
            deliveries=deliveries,
            source=self._group,
            writer=self._writer,
            effect_seconds=self._terms.effect_seconds,
            answers_kept=self._terms.answers_kept,
        )

    async def _handle(self, entry_id: str, entry: Entry, deliveries: int) -> None:
        try:
            attributes = envelope.parse(entry)
        except envelope.MalformedEnvelope as error:
            await self.bury(entry, entry_id, str(error), deliveries)
            return
        delivery = self.delivery(attributes, entry_id, deliveries)
        if self._is_mislaid(attributes):
            await delivery.move(streams.lane(self._base, attributes.priority))
            return
        structlog.contextvars.bind_contextvars(  # of this task alone
            stream=self._stream, message_id=delivery.id, correlation_id=delivery.correlation_id
        )
        started = time.perf_counter()
        self._in_flight.inc()
        try:
            with (
                self._leases.handling(entry_id, deliveries),
                tracing.process(self._stream, self._group, attributes, osiris__deliveries=deliveries),
            ):
                await self._settle(delivery, entry)
        finally:
            self._in_flight.dec()
            self._seconds.observe(time.perf_counter() - started)

    def _is_mislaid(self, attributes: Envelope) -> bool:
        """Whether it is batch work in the desk's lane, where it would stand before the desk's own."""
        return self._stream == self._base and streams.lane(self._base, attributes.priority) == self._batch_lane

    async def _settle(self, delivery: Delivery, entry: Entry) -> None:
        if delivery.deliveries > 1:
            self._metrics.retried.labels(self._stream).inc()
        if (kept := await delivery.earlier_effect()) is not None:
            await self._repeat(delivery, kept)
            return
        try:
            reply = await self._work(delivery)
        except ValidationError as error:
            await self.bury(entry, delivery.entry_id, explain(error), delivery.deliveries, delivery)
        except Exception as error:
            self._metrics.failed.labels(self._stream).inc()
            tracing.failed(error)
            _log.exception("handler failed", deliveries=delivery.deliveries)
            if delivery.deliveries >= self._terms.max_deliveries:
                reason = f"failed {delivery.deliveries} times, last: {type(error).__name__}: {error}"
                await self.bury(entry, delivery.entry_id, reason, delivery.deliveries, delivery)
            else:
                await self._leases.give_back(delivery.entry_id)
        else:
            await self._finish(delivery, reply)

    async def _work(self, delivery: Delivery) -> BaseModel | None:
        """The handler's answer, or the refusal that takes its place."""
        deadline = delivery.envelope.deadline
        left = None if deadline is None else deadline / 1000 - time.time()
        if left is not None and left <= 0:
            return _too_late(deadline)
        try:
            with self._controls.cancellable(delivery.id):
                async with asyncio.timeout(left) as limit:
                    return await self._handler(self._adapter.validate_json(delivery.envelope.data), delivery)
        except Refused as refusal:
            tracing.failed(refusal)
            return refusal.reply()
        except TimeoutError:
            if not limit.expired():
                raise
            return _too_late(deadline)

    async def _finish(self, delivery: Delivery, reply: BaseModel | None) -> None:
        finished = await delivery.finish(reply)
        if finished is Finished.DONE:
            self._handled.inc()
        elif finished is Finished.DUPLICATE:
            await self._repeat(delivery, await delivery.earlier_effect() or b"")

    async def _repeat(self, delivery: Delivery, kept: bytes) -> None:
        self._metrics.duplicates.labels(self._stream).inc()
        await delivery.repeat(kept)


def _too_late(deadline: int | None) -> ErrorReply:
    return ErrorReply(code="deadline_exceeded", message=f"the deadline, {deadline} (unix ms), has passed")
