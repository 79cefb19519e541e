"""How the desk is: services, lag, dead letters, versions. Looked at only while somebody watches."""

import asyncio
import time
from collections.abc import Sequence

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import (
    DeadCounts,
    Decision,
    Presence,
    QueueState,
    QueueStates,
    ServiceState,
    ServiceStates,
    Versions,
    streams,
)
from osiris_gateway.feeds.events import state
from osiris_gateway.feeds.hub import Feed
from osiris_mesh import MalformedEnvelope, presence
from osiris_mesh.connection import Client
from osiris_mesh.envelope import parse
from osiris_mesh.groups import state_of

EVERY_SECONDS = 2.0
_CONSUMED = (
    streams.MARKET_TICKS,
    streams.MARKET_ORDERS,
    streams.MARKET_FILLS,
    streams.PHI3_REQUESTS,
    streams.HERMES_REQUESTS,
    streams.PROPOSAL_CREATED,
    streams.PROPOSAL_ASSESSED,
    streams.FEEDBACK_SUBMITTED,
    streams.ADVICE_GENERATED,
    streams.DESK_COMMANDS,
    streams.TTS_REQUESTS,
)
WATCHED = tuple(lane for stream in _CONSUMED for lane in streams.lanes(stream))
"""Streams whose groups are told; dead letters bear the names of those that they are lanes of."""

_log = structlog.get_logger(__name__)


class Pulse:
    """Tells a feed how things are, every EVERY_SECONDS."""

    def __init__(self, redis: Client, feed: Feed) -> None:
        self._redis = redis
        self._feed = feed
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look now: somebody came."""
        self._wake.set()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            if self._feed.mailboxes:
                try:
                    await self._look()
                except (RedisError, OSError) as error:
                    _log.warning("desk not watched, trying again", error=str(error))
            self._wake.clear()
            try:
                async with asyncio.timeout(EVERY_SECONDS if self._feed.mailboxes else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        names = await presence.services(self._redis)
        services = [service_state(name, await presence.alive(self._redis, name)) for name in names]
        self._feed.tell(state("services", ServiceStates(services=tuple(services))))
        models = {each.service: each.model for each in services}
        versions = {
            name: model.version if (model := models.get(name)) and model.loaded else None for name in ("phi3", "hermes")
        }
        self._feed.tell(state("versions", Versions(**versions, policy=await self._policy())))
        self._feed.tell(state("lag", QueueStates(queues=await self._queues())))
        self._feed.tell(state("dead", DeadCounts(streams=await self._dead())))

    async def _queues(self) -> tuple[QueueState, ...]:
        found = [await state_of(self._redis, stream, time.time()) for stream in WATCHED]
        return tuple(
            QueueState(
                stream=group.stream,
                group=group.name,
                lag=group.lag,
                pending=group.pending,
                oldest_seconds=round(group.oldest_left_seconds or 0.0, 1),
            )
            for each in found
            for group in each.groups
        )

    async def _dead(self) -> dict[str, int]:
        pipeline = self._redis.pipeline(transaction=False)
        for stream in _CONSUMED:
            pipeline.xlen(streams.dead(stream))
        counts = zip(_CONSUMED, await pipeline.execute(), strict=True)
        return {stream: int(count) for stream, count in counts if count}

    async def _policy(self) -> str | None:
        newest = await self._redis.xrevrange(streams.ADVICE_GENERATED, count=1)
        try:
            return Decision.model_validate_json(parse(newest[0][1]).data).policy_version if newest else None
        except (MalformedEnvelope, ValidationError):
            return None


def service_state(name: str, alive: Sequence[Presence]) -> ServiceState:
    """All instances of a service as one."""
    can = "ready" if any(each.ready for each in alive) else "draining" if any(e.draining for e in alive) else "starting"
    models = sorted((each.model for each in alive if each.model), key=lambda model: not model.loaded)
    return ServiceState(
        service=name,
        state=can if alive else "away",
        instances=len(alive),
        in_flight=sum(each.in_flight for each in alive),
        started_at=min((each.started_at for each in alive), default=None),
        model=models[0] if models else None,
    )
