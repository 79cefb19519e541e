"""Wires `phi3.requests` to the engine, the owner's corrections to its prompt, published versions to the engine."""

from dataclasses import replace

from osiris_contracts import GenerateRequest, GenerateResult, ModelVersion, Proposal, streams
from osiris_inference.conversation import conversation
from osiris_inference.embedding import MiniLm
from osiris_inference.proposing import MAX_TOKENS, SYSTEM_PROMPT, proposal_schema
from osiris_inference.rollout import Rollouts
from osiris_inference.serving import ModelService, generation
from osiris_mesh import Delivery, Refused, Service
from osiris_phi3.few_shot import FewShots
from osiris_phi3.guard import Guard
from osiris_phi3.memory import Memory
from osiris_phi3.releases import Releases
from osiris_phi3.settings import Phi3Settings


def build(settings: Phi3Settings) -> Service:
    """The phi3 service: every request is answered with a valid proposal."""
    service = Service("phi3", settings)
    model = ModelService("phi3", settings, service)
    memory = None
    if settings.few_shot != "off":
        memory = Memory(service.bus, settings.feedback_log, MiniLm())
        service.on_start(memory.load)
        service.background(memory.keep_following)
    few_shots = FewShots(
        model, memory, mode=settings.few_shot, count=settings.few_shot_count, tokens=settings.few_shot_tokens
    )
    service.consume(streams.MODELS_PUBLISHED, ModelVersion, workers=1)(Releases(settings, model).published)
    if settings.model is None:
        guard = Guard(
            service.bus,
            Rollouts(settings.models_root, "phi3"),
            canary_answers=settings.canary_answers,
            watched_answers=settings.watched_answers,
        )
        service.background(guard.keep_watching)

    @service.consume(streams.PHI3_REQUESTS, GenerateRequest, workers=settings.workers)
    async def propose(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        """Answer with one proposal that the contract accepts."""
        if request.json_schema is not None or request.tools:
            raise Refused("invalid_request", "expected no json_schema and no tools: phi3 writes proposals; ask hermes")
        shown = await few_shots.shown(request, delivery.id)
        prompt = conversation(request, system=SYSTEM_PROMPT, examples=shown.examples)
        asked = replace(
            generation(request, delivery, prompt, temperature=settings.temperature),
            max_tokens=MAX_TOKENS,
            stop=(),
            json_schema=proposal_schema(request.ticker, request.max_length),
        )
        result = await model.answer(asked, delivery, stream=request.stream)
        proposal = Proposal.model_validate_json(result.text)
        return result.model_copy(update={"proposal": proposal, "few_shot": shown.few_shot})

    return service
