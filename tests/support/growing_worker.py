"""A hermes that keeps GROW_MIB more memory with every request: `python -m tests.support.growing_worker`."""

import asyncio
import os

from osiris_contracts import GenerateRequest, GenerateResult, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service
from osiris_mesh.main import main

kept: list[bytearray] = []


def build(settings: MeshSettings) -> Service:
    """Two at a time, a fifth of a second each."""
    service = Service("hermes", settings)

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=2)
    async def leak(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        kept.append(bytearray(os.urandom(1) * (int(os.environ["GROW_MIB"]) * 2**20)))
        await asyncio.sleep(0.2)
        return GenerateResult(
            model_id="hermes",
            model_version=str(os.getpid()),
            text=request.prompt or "",
            finish_reason="stop",
            usage=Usage(prompt_tokens=0, completion_tokens=0),
        )

    return service


if __name__ == "__main__":
    main(MeshSettings, build)
