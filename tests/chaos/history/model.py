"""A fake hermes or phi3, for the history checker only: the same question has the same answer, within milliseconds.

`python -m tests.chaos.history.model hermes`. What it does with a request is seen from outside: one entry in EFFECTS a
request, written in the step that acknowledges it.
"""

import asyncio
import sys
from hashlib import sha256
from typing import Final

from osiris_contracts import (
    GenerateRequest,
    GenerateResult,
    ModelId,
    ModelStatus,
    ModelVersion,
    Proposal,
    Usage,
    streams,
)
from osiris_mesh import Delivery, MeshSettings, Service

EFFECTS: Final = "chaos.effects"
LONGEST_SECONDS: Final = 0.03


def answer(model: ModelId, request: GenerateRequest) -> GenerateResult:
    """What the model answers."""
    prompt = request.prompt or ""
    chance = sha256(prompt.encode()).digest()
    proposal = _proposal(request, chance) if model == "phi3" else None
    return GenerateResult(
        model_id=model,
        model_version="fake",
        text=proposal.model_dump_json() if proposal else f"Read {chance.hex()[:16]}. Score: {chance[0] % 11}/10",
        proposal=proposal,
        finish_reason="stop",
        usage=Usage(prompt_tokens=0, completion_tokens=0),
    )


def _proposal(request: GenerateRequest, chance: bytes) -> Proposal:
    adjusts = chance[0] % 3 < 2
    return Proposal(
        ticker=request.ticker or "SPY",
        action="adjust" if adjusts else "pass",
        side=("LONG" if chance[1] % 2 else "SHORT") if adjusts else None,
        new_stop_pct=1.0 if adjusts else None,
        new_target_pct=2.0 if adjusts else None,
        confidence=round(chance[2] / 255, 2),
        rationale="a fake, for the history checker",
    )


def build(model: ModelId, settings: MeshSettings) -> Service:
    """A model without a model."""
    service = Service(model, settings)
    service.model_status = lambda: ModelStatus(loaded=True, version="fake", file_exists=True, device="cpu")

    @service.consume(streams.REQUESTS_OF[model], GenerateRequest)
    async def generate(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        result = answer(model, request)
        await asyncio.sleep(LONGEST_SECONDS * sha256(delivery.id.encode()).digest()[0] / 255)
        delivery.emit(EFFECTS, request)
        return result

    if model == "phi3":

        @service.consume(streams.MODELS_PUBLISHED, ModelVersion)
        async def hear(_version: ModelVersion, _delivery: Delivery) -> None:
            """Of new versions, of which it has none."""

    return service


if __name__ == "__main__":
    build("phi3" if sys.argv[1] == "phi3" else "hermes", MeshSettings()).run()
