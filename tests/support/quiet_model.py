"""A hermes or phi3 that answers at once and touches nothing but its own: `python -m tests.support.quiet_model phi3`."""

import sys

from tests.chaos.history.model import answer

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, ModelId, ModelStatus, streams
from osiris_mesh import Delivery, MeshSettings, Service
from osiris_mesh.main import main


def build(model: ModelId, settings: MeshSettings) -> Service:
    """A model without a model."""
    service = Service(model, settings)
    service.model_status = lambda: ModelStatus(loaded=True, version="fake", file_exists=True, device="cpu")

    @service.consume(streams.REQUESTS_OF[model], GenerateRequest)
    async def generate(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        result = answer(model, request)
        if request.stream:
            delivery.send(Chunk(index=0, text=result.text))
        return result

    return service


if __name__ == "__main__":
    main(MeshSettings, lambda settings: build("phi3" if sys.argv[1] == "phi3" else "hermes", settings))
