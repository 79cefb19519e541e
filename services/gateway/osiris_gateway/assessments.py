"""Follows the critiques of everybody, for the mean score that /health tells."""

import asyncio
import time

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import ProposalAssessed, streams
from osiris_gateway.scores import WINDOW, RecentScores
from osiris_mesh import Bus, MalformedEnvelope, feed
from osiris_mesh.envelope import parse

_log = structlog.get_logger(__name__)


async def keep_following(bus: Bus, scores: RecentScores) -> None:
    """Add every score to `scores`, those that lie in the stream from the last 24 hours first; for ever."""
    position = f"{int((time.time() - WINDOW.total_seconds()) * 1000)}-0".encode()
    while True:
        try:
            async for entries in feed.follow(bus.redis, {streams.PROPOSAL_ASSESSED: position}):
                for entry in entries:
                    _add(entry, scores)
                    position = entry.id.encode()
        except (RedisError, OSError) as error:
            _log.warning("critiques not readable, trying again", error=str(error))
            await asyncio.sleep(1.0)


def _add(entry: feed.Entry, scores: RecentScores) -> None:
    try:
        assessed = ProposalAssessed.model_validate_json(parse(entry.fields).data)
    except (MalformedEnvelope, ValidationError):
        return  # the trainer, whose input it is, puts it aside
    if assessed.score is not None:
        scores.add(assessed.assessed_at, assessed.score)
