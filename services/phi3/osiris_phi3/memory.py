"""The corrections that are known, and where they come from: the stream, and the trainer's log for older ones."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import Feedback, streams
from osiris_inference.embedding import EmbeddingEngine, Vector
from osiris_mesh import Bus, MalformedEnvelope, feed
from osiris_mesh.envelope import parse
from osiris_phi3.corrections import Correction, correction_of, newest, ranked

LOG_BYTES = 16 * 2**20
"""Of the end of the trainer's log that are read."""

_log = structlog.get_logger(__name__)


class Memory:
    """What the owner corrected, by meaning.

    Args:
        log: the trainer's log of feedback; it need not be there.
        embedding: turns prompts into vectors; loaded with the first correction.
    """

    def __init__(self, bus: Bus, log: Path, embedding: EmbeddingEngine) -> None:
        self._bus = bus
        self._log = log
        self._embedding = embedding
        self._known: tuple[tuple[Correction, Vector], ...] = ()
        self._position = feed.START

    async def load(self) -> None:
        """Read what the log and the stream have; afterwards it knows what it knew before it was stopped."""
        found = await asyncio.to_thread(_logged, self._log)
        async for entry in feed.present(self._bus.redis, streams.FEEDBACK_SUBMITTED):
            found += _corrections(entry)
            self._position = entry.id.encode()
        await self._know(found)
        _log.info("corrections known", number=len(self._known))

    async def keep_following(self) -> None:
        """Take corrections as they come, for ever."""
        while True:
            try:
                after = {streams.FEEDBACK_SUBMITTED: self._position}
                async for entries in feed.follow(self._bus.redis, after):
                    if found := [correction for entry in entries for correction in _corrections(entry)]:
                        await self._know(found)
                    if entries:
                        self._position = entries[-1].id.encode()
            except (RedisError, OSError) as error:
                _log.warning("feedback not readable, trying again", error=str(error))
                await asyncio.sleep(1.0)

    async def nearest(self, prompt: str) -> list[Correction]:
        """The corrections that are known, the one whose situation is nearest to `prompt` first."""
        known = self._known
        return ranked(await self._embedding.embed(prompt), known) if known else []

    async def _know(self, found: Iterable[Correction]) -> None:
        vectors = {correction.id: vector for correction, vector in self._known}
        wanted = await asyncio.to_thread(newest, [*(correction for correction, _ in self._known), *found])
        if wanted:
            await self._embedding.load()
        for each in wanted:
            if each.id not in vectors:
                vectors[each.id] = await self._embedding.embed(each.prompt)
        self._known = tuple((each, vectors[each.id]) for each in wanted)


def _corrections(entry: feed.Entry) -> list[Correction]:
    try:
        found = correction_of(Feedback.model_validate_json(parse(entry.fields).data))
    except (MalformedEnvelope, ValidationError):
        return []  # the trainer, whose input it is, puts it aside
    return [found] if found else []


def _logged(path: Path) -> list[Correction]:
    """The corrections in the end of the log; a line that is cut off or not ours is passed over."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        lines = file.read().splitlines()
    return [found for line in lines if b"corrected_proposal" in line and (found := _of_line(line))]


def _of_line(line: bytes) -> Correction | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        fields.pop("id")  # the log's own
        return correction_of(Feedback.model_validate(fields))
    except (ValueError, KeyError, AttributeError):
        return None
