"""Asking the two models over the mesh, and refusing at the door what they could not serve."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import ceil
from typing import Any

from redis.exceptions import OutOfMemoryError

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, ModelId, streams
from osiris_gateway.call import Call
from osiris_gateway.idempotency import Idempotency
from osiris_gateway.metrics import DoorMetrics
from osiris_gateway.watch import Watch
from osiris_mesh import Bus, Refused

Batch = list[Chunk | GenerateResult]

LONGEST_RETRY_SECONDS = 120


class Models:
    """Asks models for a call, each thing it asks under a name of its own within the call (`part`)."""

    def __init__(self, bus: Bus, watch: Watch, idempotency: Idempotency, metrics: DoorMetrics) -> None:
        self._bus = bus
        self._watch = watch
        self._idempotency = idempotency
        self._metrics = metrics
        self._asking: dict[ModelId, int] = dict.fromkeys(streams.REQUESTS_OF, 0)

    async def ask(self, model_id: ModelId, request: GenerateRequest, call: Call, part: str = "") -> GenerateResult:
        """The finished answer.

        Raises:
            Refused: the model is not there, its queue is full, it refuses, or it takes too long.
            OutOfMemoryError: Redis has no room.
        """
        request_id = call.request_id(part or model_id)
        with self._metrics.answer(model_id):
            async with self._idempotency.answering(call.remembered):
                await self._admit(model_id, call, request_id)
                self._asking[model_id] += 1
                try:
                    return await self._bus.ask(streams.REQUESTS_OF[model_id], request, **_options(call, request_id))
                finally:
                    self._asking[model_id] -= 1

    async def stream(
        self, model_id: ModelId, request: GenerateRequest, call: Call, part: str = ""
    ) -> AsyncGenerator[Batch]:
        """The answer piece by piece, then as a whole; what came together comes in one list.

        Closing it cancels the request, unless the call may come again. Raises as `ask`.
        """
        request_id = call.request_id(part or model_id)
        asking = self._bus.batches_to(streams.REQUESTS_OF[model_id], request, **_options(call, request_id))
        with self._metrics.answer(model_id):
            async with self._idempotency.answering(call.remembered), aclosing(asking) as batches:
                await self._admit(model_id, call, request_id)
                self._asking[model_id] += 1
                try:
                    async for batch in batches:
                        yield [reply for reply in batch if isinstance(reply, Chunk | GenerateResult)]
                finally:
                    self._asking[model_id] -= 1

    def require(self, model_id: ModelId) -> None:
        """Raise Refused, `model_not_loaded`, when no living instance of the model can answer."""
        if self._watch.answering(model_id) is None:
            raise Refused("model_not_loaded", f"expected a {model_id} that can answer, there is none now; try again")

    async def _admit(self, model_id: ModelId, call: Call, request_id: str | None) -> None:
        if request_id is not None and await self._bus.was_asked(request_id):
            return  # its answer is on its way, or there
        if self._watch.answering(model_id) is None:
            await self._watch.refresh()  # it may have come within the last moment
        if self._watch.redis_full:
            raise OutOfMemoryError("used_memory is at maxmemory")
        self.require(model_id)
        seconds = self._watch.queue(model_id, call.priority).seconds_until_room(self._asking[model_id])
        if seconds is not None:
            retry = min(max(ceil(seconds), 1), LONGEST_RETRY_SECONDS)
            raise Refused(
                "queue_full",
                f"expected room in the queue for {model_id}, there should be some in {retry} s",
                {"retry_after": retry},
            )


def _options(call: Call, request_id: str | None) -> dict[str, Any]:
    return {
        "id": request_id,
        "timeout": call.timeout,
        "priority": call.priority,
        "correlationid": str(call.run),
        "once": request_id is not None,
    }
