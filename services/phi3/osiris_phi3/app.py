"""Wires `phi3.requests` to the engine, bound to the proposal's grammar."""

from osiris_contracts import Example, GenerateRequest, GenerateResult, Proposal, streams
from osiris_inference.protocol import GenerationRequest
from osiris_inference.serving import ModelService, conversation, seed_of
from osiris_mesh import Delivery, Refused, Service
from osiris_phi3.grammar import MAX_TOKENS, proposal_schema
from osiris_phi3.prompt import EXAMPLES, SYSTEM_PROMPT
from osiris_phi3.settings import Phi3Settings


def build(settings: Phi3Settings) -> Service:
    """The phi3 service: every request is answered with a valid proposal."""
    service = Service("phi3", settings)
    model = ModelService("phi3", settings, service)

    @service.consume(streams.PHI3_REQUESTS, GenerateRequest, workers=settings.slots)
    async def propose(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """Answer with one proposal that the contract accepts."""
        try:
            result = await answer(request, delivery, request.examples or EXAMPLES)
        except Refused as refusal:
            if refusal.code != "prompt_too_long" or request.examples:
                raise
            result = await answer(request, delivery, ())  # a long prompt has room for no examples of ours
        return result.model_copy(update={"proposal": Proposal.model_validate_json(result.text)})

    async def answer(request: GenerateRequest, delivery: Delivery, examples: tuple[Example, ...]) -> GenerateResult:
        generation = GenerationRequest(
            id=delivery.id,
            messages=conversation(request.system or SYSTEM_PROMPT, examples, request.prompt),
            max_tokens=MAX_TOKENS,
            temperature=settings.temperature if request.temperature is None else request.temperature,
            top_p=request.top_p or 1.0,
            seed=seed_of(delivery.id) if request.seed is None else request.seed,
            json_schema=proposal_schema(request.ticker, request.max_length),
            priority=delivery.envelope.priority,
        )
        return await model.answer(generation, delivery, stream=request.stream)

    return service
