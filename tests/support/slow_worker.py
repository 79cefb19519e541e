"""A hermes that thinks for SLOW_SECONDS, as a process: `python -m tests.support.slow_worker`."""

import asyncio
import os

from osiris_contracts import GenerateRequest, GenerateResult, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service
from osiris_mesh.main import main

WORKERS = 2


def build(settings: MeshSettings) -> Service:
    """Two at a time."""
    service = Service("hermes", settings)

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=WORKERS)
    async def think(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await asyncio.sleep(float(os.environ["SLOW_SECONDS"]))
        return GenerateResult(
            model_id="hermes",
            model_version="slow",
            text=request.prompt,
            finish_reason="stop",
            usage=Usage(prompt_tokens=0, completion_tokens=0),
        )

    return service


if __name__ == "__main__":
    main(MeshSettings, build)
