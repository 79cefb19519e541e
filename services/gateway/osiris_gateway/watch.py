"""What the gateway knows of the models: who lives, how long each queue is, whether Redis has room. A moment old."""

import asyncio
import time
from collections.abc import Iterator
from typing import get_args

import structlog
from redis.exceptions import RedisError, ResponseError

from osiris_contracts import ModelId, ModelStatus, Presence, Priority, streams
from osiris_gateway.queue import Queue
from osiris_mesh import Bus
from osiris_mesh.queues import waiting

REFRESH_SECONDS = 0.25

_log = structlog.get_logger(__name__)


class Watch:
    """Looks at the mesh every REFRESH_SECONDS.

    Args:
        queue_limit: requests that may wait in one lane of a model.
        queue_seconds: how long the oldest of them may have waited.
    """

    def __init__(self, bus: Bus, *, queue_limit: int, queue_seconds: float) -> None:
        self._bus = bus
        self._alive: dict[ModelId, list[Presence]] = {model: [] for model in streams.REQUESTS_OF}
        self._queues = {lane: Queue(limit=queue_limit, limit_seconds=queue_seconds) for _, lane in _lanes()}
        self.redis_full = False

    def status(self, model_id: ModelId) -> ModelStatus | None:
        """What a living instance says of its model, one that can answer first; None when none lives."""
        found = [each.model for each in self._alive[model_id] if each.model is not None]
        return next((status for status in found if status.loaded), found[0] if found else None)

    def answering(self, model_id: ModelId) -> Presence | None:
        """A living instance that can answer; None when there is none."""
        return next((each for each in self._alive[model_id] if _can_answer(each)), None)

    def queue(self, model_id: ModelId, priority: Priority) -> Queue:
        """What waits for the model in the lane of `priority`."""
        return self._queues[streams.lane(streams.REQUESTS_OF[model_id], priority)]

    async def refresh(self) -> None:
        """Look now."""
        for model_id, stream in streams.REQUESTS_OF.items():
            self._alive[model_id] = await self._bus.instances(model_id)
            for lane, state in (await waiting(self._bus.redis, streams.lanes(stream), model_id)).items():
                self._queues[lane].observe(state, time.monotonic())
        self.redis_full = await self._is_full()

    async def keep_refreshing(self) -> None:
        """Look, for ever."""
        while True:
            try:
                await self.refresh()
            except (RedisError, OSError) as error:
                _log.warning("models not watched, trying again", error=str(error))
            await asyncio.sleep(REFRESH_SECONDS)

    async def _is_full(self) -> bool:
        try:
            memory = await self._bus.redis.info("memory")
        except ResponseError:
            return False  # this user may not ask; a refused write will tell
        limit = int(memory.get("maxmemory", 0))
        return limit > 0 and int(memory["used_memory"]) >= limit


def _lanes() -> Iterator[tuple[ModelId, str]]:
    for model_id, stream in streams.REQUESTS_OF.items():
        for priority in get_args(Priority):
            yield model_id, streams.lane(stream, priority)


def _can_answer(presence: Presence) -> bool:
    return bool(presence.ready and presence.model and presence.model.loaded)
