"""A hermes without a model, for tests of what lies before it: slow, countable, and quite deaf to the prompt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, ModelStatus, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service


@dataclass
class Hermes:
    """Answers `words` words, one every `pause` seconds.

    Attributes:
        begun: prompts it began with, in order.
        cancelled: those it did not finish.
    """

    words: int = 5
    pause: float = 0.0
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, redis_url: str, *, workers: int = 4, **settings: Any) -> AsyncIterator[Service]:
        """Serve hermes.requests for the length of the block."""
        defaults = {"lease_seconds": 1.0, "drain_seconds": 0.2}
        service = Service("hermes", MeshSettings(redis_url=redis_url, **(defaults | settings)))
        service.model_status = lambda: ModelStatus(loaded=True, version="words", file_exists=True, device="cpu")
        service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=workers)(self.answer)
        async with service.running():
            yield service

    async def answer(self, request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """The handler."""
        prompt = request.prompt or ""
        self.begun.append(prompt)
        said = [f"{number} " for number in range(self.words)]
        try:
            for index, word in enumerate(said):
                await asyncio.sleep(self.pause)
                if request.stream:
                    delivery.send(Chunk(index=index, text=word))
        except asyncio.CancelledError:
            self.cancelled.append(prompt)
            raise
        return GenerateResult(
            model_id="hermes",
            model_version="words",
            text="".join(said),
            finish_reason="stop",
            usage=Usage(prompt_tokens=1, completion_tokens=self.words),
        )
