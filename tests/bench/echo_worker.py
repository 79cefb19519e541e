"""A fake hermes, for load tests only: answers at once with what it was asked. `python -m tests.bench.echo_worker`."""

from osiris_contracts import GenerateRequest, GenerateResult, ModelStatus, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service


def build(settings: MeshSettings) -> Service:
    """A hermes without a model."""
    service = Service("hermes", settings)
    service.model_status = lambda: ModelStatus(loaded=True, version="echo", file_exists=False, device="cpu")

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=64)
    async def echo(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        return GenerateResult(
            model_id="hermes",
            model_version="echo",
            text=request.prompt,
            finish_reason="stop",
            usage=Usage(prompt_tokens=0, completion_tokens=0),
        )

    return service


if __name__ == "__main__":
    build(MeshSettings()).run()
