"""What a model folder answers in the situations of a set: the artefact itself, in the engine that would serve it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from osiris_contracts import Proposal
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.proposing import proposal_request
from osiris_inference.protocol import GenerationRequest, TextEngine

_AT_ONCE = 8
_CONTEXT = 2048


async def proposals(folder: Path, situations: Sequence[str], progress: Callable[[str], None]) -> list[Proposal | None]:
    """One answer for each situation, greedy and bound to the proposal's grammar; None where it is no proposal.

    Raises:
        ValueError: the folder holds no model that can be run.
    """
    engine = OnnxEngine(folder, OnnxEngineConfig(slots=_AT_ONCE, context=_CONTEXT, waiting=len(situations) + 1))
    await engine.load()
    try:
        told = 0

        async def propose(number: int, situation: str) -> Proposal | None:
            nonlocal told
            text = await answer(engine, proposal_request(str(number), situation, ticker=None))
            told += 1
            progress(f"{engine.version}: {told} of {len(situations)} answered")
            return _proposal(text)

        return await asyncio.gather(*(propose(number, each) for number, each in enumerate(situations)))
    finally:
        await engine.close()


async def answer(engine: TextEngine, request: GenerationRequest) -> str:
    """The whole text."""
    async with aclosing(engine.generate(request)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def _proposal(text: str) -> Proposal | None:
    try:
        return Proposal.model_validate_json(text)
    except ValidationError:
        return None
