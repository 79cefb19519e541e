"""Wires `phi3.requests` to the engine, bound to the proposal's grammar."""

from dataclasses import replace

from osiris_contracts import Example, GenerateRequest, GenerateResult, Proposal, streams
from osiris_inference.conversation import conversation
from osiris_inference.serving import ModelService, generation
from osiris_mesh import Delivery, Refused, Service
from osiris_phi3.grammar import MAX_TOKENS, proposal_schema
from osiris_phi3.prompt import EXAMPLES, SYSTEM_PROMPT
from osiris_phi3.settings import Phi3Settings


def build(settings: Phi3Settings) -> Service:
    """The phi3 service: every request is answered with a valid proposal."""
    service = Service("phi3", settings)
    model = ModelService("phi3", settings, service)

    @service.consume(streams.PHI3_REQUESTS, GenerateRequest, workers=settings.workers)
    async def propose(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """Answer with one proposal that the contract accepts."""
        if request.json_schema is not None or request.tools:
            raise Refused("invalid_request", "expected no json_schema and no tools: phi3 writes proposals; ask hermes")
        try:
            result = await answer(request, delivery, EXAMPLES)
        except Refused as refusal:
            if refusal.code != "prompt_too_long" or request.examples:
                raise
            result = await answer(request, delivery, ())  # a long prompt has room for no examples of ours
        return result.model_copy(update={"proposal": Proposal.model_validate_json(result.text)})

    async def answer(request: GenerateRequest, delivery: Delivery, examples: tuple[Example, ...]) -> GenerateResult:
        prompt = conversation(request, system=SYSTEM_PROMPT, examples=examples)
        asked = replace(
            generation(request, delivery, prompt, temperature=settings.temperature),
            max_tokens=MAX_TOKENS,
            stop=(),
            json_schema=proposal_schema(request.ticker, request.max_length),
        )
        return await model.answer(asked, delivery, stream=request.stream)

    return service
