"""Wires `hermes.requests` to the engine."""

from osiris_contracts import GenerateRequest, GenerateResult, streams
from osiris_hermes.settings import HermesSettings
from osiris_inference.protocol import GenerationRequest
from osiris_inference.serving import ModelService, conversation, seed_of
from osiris_mesh import Delivery, Service


def build(settings: HermesSettings) -> Service:
    """The hermes service: every request is answered with text, piece by piece when it asks for that."""
    service = Service("hermes", settings)
    model = ModelService("hermes", settings, service)

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=settings.slots)
    async def generate(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """Answer in plain English."""
        temperature = settings.temperature if request.temperature is None else request.temperature
        generation = GenerationRequest(
            id=delivery.id,
            messages=conversation(request.system or settings.system_prompt, request.examples, request.prompt),
            max_tokens=request.max_length,
            temperature=temperature,
            top_p=request.top_p or 1.0,
            seed=seed_of(delivery.id) if request.seed is None else request.seed,
            stop=request.stop,
            priority=delivery.envelope.priority,
        )
        return await model.answer(generation, delivery, stream=request.stream)

    return service
