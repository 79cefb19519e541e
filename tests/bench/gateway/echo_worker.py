"""A fake hermes, for load tests only: answers at once with what it was asked; streamed, with `max_length` chunks.

`python -m tests.bench.gateway.echo_worker [SLOTS SECONDS]`: an answer occupies one of so many slots for so long.
"""

import asyncio
import sys

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, ModelStatus, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service


def build(settings: MeshSettings, slots: int = 64, seconds: float = 0.0) -> Service:
    """A hermes without a model."""
    service = Service("hermes", settings)
    service.model_status = lambda: ModelStatus(loaded=True, version="echo", file_exists=False, device="cpu")

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=slots)
    async def echo(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        if seconds:
            await asyncio.sleep(seconds)
        if request.stream:
            for index in range(request.max_length):
                delivery.send(Chunk(index=index, text=" word"))
                await asyncio.sleep(0)  # as an engine that writes a token of every answer in turn
        return GenerateResult(
            model_id="hermes",
            model_version="echo",
            text=request.prompt or request.messages[-1].content,
            finish_reason="stop",
            usage=Usage(prompt_tokens=0, completion_tokens=0),
        )

    return service


if __name__ == "__main__":
    build(MeshSettings(), *(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False))).run()
