"""The two models as the gateway sees them: who is alive, how long their queues are, and asking them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, ModelId, ModelStatus, Presence, streams
from osiris_mesh import Bus, Refused

REFRESH_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class Models:
    """Asks models over the mesh, and refuses at the door what they could not serve.

    Args:
        timeout_seconds: how long an answer may take.
        queue_limit: requests that may wait for one model.
    """

    def __init__(self, bus: Bus, *, timeout_seconds: float, queue_limit: int) -> None:
        self._bus = bus
        self._timeout = timeout_seconds
        self._limit = queue_limit
        self._alive: dict[ModelId, list[Presence]] = {"hermes": [], "phi3": []}
        self._backlog: dict[ModelId, int] = {"hermes": 0, "phi3": 0}
        self._asking: dict[ModelId, int] = {"hermes": 0, "phi3": 0}

    def status(self, model_id: ModelId) -> ModelStatus | None:
        """What a living instance says of its model, one that can answer first; None when none lives."""
        found = [each.model for each in self._alive[model_id] if each.model is not None]
        return next((status for status in found if status.loaded), found[0] if found else None)

    def answering(self, model_id: ModelId) -> Presence | None:
        """A living instance that can answer; None when there is none."""
        return next((each for each in self._alive[model_id] if _can_answer(each)), None)

    async def refresh(self) -> None:
        """Look who is alive and how much waits."""
        for model_id, stream in streams.REQUESTS_OF.items():
            self._alive[model_id] = await self._bus.instances(model_id)
            self._backlog[model_id] = await self._bus.backlog(stream, group=model_id)

    async def keep_watching(self) -> None:
        """Refresh, for ever."""
        while True:
            try:
                await self.refresh()
            except (RedisError, OSError) as error:
                _log.warning("models not watched, trying again", error=str(error))
            await asyncio.sleep(REFRESH_SECONDS)

    async def ask(self, model_id: ModelId, request: GenerateRequest, run: UUID | None = None) -> GenerateResult:
        """The finished answer.

        Args:
            run: what the request belongs to.

        Raises:
            Refused: the model is not there, its queue is full, it refuses, or it takes too long.
        """
        async with self._admitted(model_id):
            return await self._bus.ask(
                streams.REQUESTS_OF[model_id],
                request,
                timeout=self._timeout,
                priority="interactive",
                correlationid=str(run) if run else None,
            )

    async def stream(
        self, model_id: ModelId, request: GenerateRequest, run: UUID | None = None
    ) -> AsyncGenerator[Chunk | GenerateResult]:
        """The answer piece by piece, then as a whole; closing it cancels the request. Takes and raises as `ask`."""
        async with (
            self._admitted(model_id),
            aclosing(
                self._bus.replies_to(
                    streams.REQUESTS_OF[model_id],
                    request,
                    timeout=self._timeout,
                    priority="interactive",
                    correlationid=str(run) if run else None,
                )
            ) as replies,
        ):
            async for reply in replies:
                if isinstance(reply, Chunk | GenerateResult):
                    yield reply

    def require(self, model_id: ModelId) -> None:
        """Raise Refused, `model_not_loaded`, when no living instance of the model can answer."""
        if self.answering(model_id) is None:
            raise Refused("model_not_loaded", f"expected a {model_id} that can answer, there is none now; try again")

    @asynccontextmanager
    async def _admitted(self, model_id: ModelId) -> AsyncIterator[None]:
        if self.answering(model_id) is None:
            await self.refresh()  # it may have come within the last half second
        self.require(model_id)
        if max(self._asking[model_id], self._backlog[model_id]) >= self._limit:
            raise Refused(
                "queue_full", f"expected fewer than {self._limit} requests waiting for {model_id}; try again soon"
            )
        self._asking[model_id] += 1
        try:
            yield
        finally:
            self._asking[model_id] -= 1


def _can_answer(presence: Presence) -> bool:
    return bool(presence.ready and presence.model and presence.model.loaded)
