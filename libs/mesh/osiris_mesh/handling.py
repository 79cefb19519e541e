"""One entry from its coming to its end: answered and acknowledged, moved, retried later, or put aside."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from pydantic import BaseModel, ValidationError
from redis.exceptions import RedisError

from osiris_contracts import ErrorCode, ErrorReply, streams
from osiris_mesh import envelope, scripts
from osiris_mesh.control import Controls
from osiris_mesh.deadletter import letter
from osiris_mesh.delivery import Delivery, set_current_delivery
from osiris_mesh.envelope import Envelope
from osiris_mesh.errors import Refused
from osiris_mesh.leases import Leases
from osiris_mesh.metrics import Metrics
from osiris_mesh.scripts import Finished, Output
from osiris_mesh.terms import Terms
from osiris_mesh.writer import Writer

Entry = dict[bytes, bytes]
Work = Callable[[], Awaitable[BaseModel | None]]

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
        self._terms = terms
        self._leases = leases
        self._writer = writer
        self._controls = controls
        self._metrics = metrics

    async def handle(self, entry_id: str, entry: Entry, deliveries: int, work: Work) -> None:
        """Handle one entry to its end.

        Args:
            deliveries: how often it was handed out, this time included.
            work: the handler's.
        """
        self._leases.has_its_turn(entry_id)
        try:
            await self._handle(entry_id, entry, deliveries, work)
        except (RedisError, OSError) as error:
            self._leases.let_run_out(entry_id)  # then it is tried again
            _log.error("redis failed, the entry stays pending", entry_id=entry_id, error=str(error))

    async def bury(
        self, entry: Entry, entry_id: str, reason: str, deliveries: int, delivery: Delivery | None = None
    ) -> None:
        """Put an entry aside and tell its sender, in one step."""
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

    async def _handle(self, entry_id: str, entry: Entry, deliveries: int, work: Work) -> None:
        try:
            attributes = envelope.parse(entry)
        except envelope.MalformedEnvelope as error:
            await self.bury(entry, entry_id, str(error), deliveries)
            return
        delivery = self.delivery(attributes, entry_id, deliveries)
        if self._is_mislaid(attributes):
            await delivery.move(streams.lane(self._base, attributes.priority))
            return
        with (
            structlog.contextvars.bound_contextvars(
                stream=self._stream, message_id=delivery.id, correlation_id=delivery.correlation_id
            ),
            self._leases.handling(entry_id, deliveries),
            self._metrics.in_flight.labels(self._stream).track_inprogress(),
            self._metrics.seconds.labels(self._stream).time(),
        ):
            await self._settle(delivery, entry, work)

    def _is_mislaid(self, attributes: Envelope) -> bool:
        """Whether it is batch work in the desk's lane, where it would stand before the desk's own."""
        return self._stream == self._base and streams.lane(self._base, attributes.priority) == self._batch_lane

    async def _settle(self, delivery: Delivery, entry: Entry, work: Work) -> None:
        if delivery.deliveries > 1:
            self._metrics.retried.labels(self._stream).inc()
        if (kept := await delivery.earlier_effect()) is not None:
            await self._repeat(delivery, kept)
            return
        try:
            reply = await self._work(delivery, work)
        except ValidationError as error:
            await self.bury(entry, delivery.entry_id, _explain(error), delivery.deliveries, delivery)
        except Exception as error:
            self._metrics.failed.labels(self._stream).inc()
            _log.exception("handler failed", deliveries=delivery.deliveries)
            if delivery.deliveries >= self._terms.max_deliveries:
                reason = f"failed {delivery.deliveries} times, last: {type(error).__name__}: {error}"
                await self.bury(entry, delivery.entry_id, reason, delivery.deliveries, delivery)
            else:
                await self._leases.give_back(delivery.entry_id)
        else:
            await self._finish(delivery, reply)

    async def _work(self, delivery: Delivery, work: Work) -> BaseModel | None:
        """The handler's answer, or the refusal that takes its place."""
        set_current_delivery(delivery)
        deadline = delivery.envelope.deadline
        left = None if deadline is None else deadline / 1000 - time.time()
        if left is not None and left <= 0:
            return _too_late(deadline)
        try:
            async with self._controls.cancellable(delivery.id), asyncio.timeout(left) as limit:
                return await work()
        except Refused as refusal:
            return refusal.reply()
        except TimeoutError:
            if not limit.expired():
                raise
            return _too_late(deadline)

    async def _finish(self, delivery: Delivery, reply: BaseModel | None) -> None:
        finished = await delivery.finish(reply)
        if finished is Finished.DONE:
            self._metrics.handled.labels(self._stream).inc()
        elif finished is Finished.DUPLICATE:
            await self._repeat(delivery, await delivery.earlier_effect() or b"")

    async def _repeat(self, delivery: Delivery, kept: bytes) -> None:
        self._metrics.duplicates.labels(self._stream).inc()
        await delivery.repeat(kept)


def _too_late(deadline: int | None) -> ErrorReply:
    return ErrorReply(code="deadline_exceeded", message=f"the deadline, {deadline} (unix ms), has passed")


def _explain(error: ValidationError) -> str:
    problems = (f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in error.errors())
    return f"not a valid {error.title}: " + "; ".join(problems)
