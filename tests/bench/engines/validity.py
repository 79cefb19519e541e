"""Whether every proposal is valid, whatever the seed and the temperature."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from osiris_contracts import Proposal
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.proposing import MAX_TOKENS, proposal_schema
from osiris_inference.protocol import GenerationRequest


def valid_proposals(model: Path, count: int, prompt: Callable[[int], str]) -> int:
    """How many of `count` proposals the contract accepts; seeds 0, 1, …, temperatures from 0 to 2."""
    return asyncio.run(_count(model, count, prompt))


async def _count(model: Path, count: int, prompt: Callable[[int], str]) -> int:
    engine = OnnxEngine(model, OnnxEngineConfig(slots=16, context=1280, waiting=count))
    await engine.load()

    async def is_valid(seed: int) -> bool:
        request = GenerationRequest(
            id=str(seed),
            prompt=prompt(seed),
            max_tokens=MAX_TOKENS,
            temperature=seed % 5 / 2,
            seed=seed,
            json_schema=proposal_schema("SPY" if seed % 2 else None, 144),
        )
        text = "".join([chunk.text async for chunk in engine.generate(request)])
        try:
            Proposal.model_validate_json(text)
        except ValueError:
            return False
        return True

    valid = sum(await asyncio.gather(*(is_valid(seed) for seed in range(count))))
    await engine.close()
    return valid
