"""Wires `hermes.requests` to the engine."""

from dataclasses import replace

from osiris_contracts import GenerateRequest, GenerateResult, streams
from osiris_hermes.settings import HermesSettings
from osiris_inference import tool_calls
from osiris_inference.conversation import conversation
from osiris_inference.serving import ModelService, generation
from osiris_mesh import Delivery, Service


def build(settings: HermesSettings) -> Service:
    """The hermes service: every request is answered with text, piece by piece when it asks for that."""
    service = Service("hermes", settings)
    model = ModelService("hermes", settings, service)

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest, workers=settings.workers)
    async def generate(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """Answer in plain English, by a JSON schema, or with a call of a tool."""
        prompt = conversation(request, system=settings.system_prompt)
        asked = replace(
            generation(request, delivery, prompt, temperature=settings.temperature),
            json_schema=request.json_schema,
            grammar=tool_calls.grammar(request.tools, required=request.tool_choice == "required")
            if request.tools
            else None,
        )
        result = await model.answer(asked, delivery, stream=request.stream)
        call = tool_calls.called(result.text) if request.tools else None
        return result.model_copy(update={"tool_call": call})

    return service
