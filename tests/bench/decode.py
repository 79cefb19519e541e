"""Engine decode: tokens/s alone and together, with and without a grammar, and the first token."""

import asyncio
import time
from itertools import count as counter
from pathlib import Path
from typing import Any

from osiris_contracts import GenerateRequest
from osiris_inference.conversation import conversation
from osiris_inference.model_store import ModelStore
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.proposing import EXAMPLES, MAX_TOKENS, SYSTEM_PROMPT, proposal_schema
from osiris_inference.protocol import GenerationRequest, Message

TOKENS = 96
PROMPT = "The price fell for three days while the volume rose. " * 12  # about 200 tokens with the template


_fresh = counter()


def _request(number: int, *, grammar: bool = False) -> GenerationRequest:
    schema = proposal_schema("SPY", 256) if grammar else None
    return GenerationRequest(
        id=str(number),
        prompt=(Message("user", f"{next(_fresh)}. {PROMPT}"),),
        max_tokens=TOKENS,
        temperature=1.0,
        seed=number,
        json_schema=schema,
    )


async def _answer(engine: OnnxEngine, request: GenerationRequest) -> tuple[float, int]:
    """Seconds to the first token, and tokens in all."""
    started, first, tokens = time.perf_counter(), 0.0, 0
    async for chunk in engine.generate(request):
        first = first or time.perf_counter() - started
        tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    return first, tokens


async def _rate(engine: OnnxEngine, count: int, *, grammar: bool = False) -> tuple[float, float]:
    """Tokens/s of `count` requests at once, and the mean time to the first token, seconds."""
    started = time.perf_counter()
    answers = await asyncio.gather(*(_answer(engine, _request(number, grammar=grammar)) for number in range(count)))
    seconds = time.perf_counter() - started
    return sum(tokens for _, tokens in answers) / seconds, sum(first for first, _ in answers) / count


async def _measure() -> dict[str, float]:
    engine = OnnxEngine(ModelStore(Path(".osiris/models")).embedded(), OnnxEngineConfig(slots=16, context=1024))
    await engine.load()
    await _rate(engine, 2)
    one, first = await _rate(engine, 1)
    constrained, _ = await _rate(engine, 1, grammar=True)
    four, _ = await _rate(engine, 4)
    sixteen, _ = await _rate(engine, 16)
    await engine.close()
    proposals = await _proposals()
    return {
        "first token of a 200-token prompt, s": first,
        "1 request, tokens/s": one,
        "1 request bound to a grammar, tokens/s": constrained,
        "grammar / free": constrained / one,
        "4 requests, tokens/s": four,
        "16 requests, tokens/s": sixteen,
        "16 requests / 1 request": sixteen / one,
        **proposals,
    }


async def _proposals() -> dict[str, float]:
    """Proposals/s with phi3's examples before each: what the prefix cache and forced tokens are for."""
    settings: dict[str, dict[str, Any]] = {
        "plain": {"prefix_cache": 0, "forced_tokens": False},
        "forced": {"prefix_cache": 0},
        "both": {},
    }
    rates = {
        f"{name} {count}": await _proposals_per_second(OnnxEngineConfig(slots=8, **options), count)
        for name, options in settings.items()
        for count in (1, 8)
    }
    return {
        "1 proposal at once, proposals/s": rates["both 1"],
        "8 at once, proposals/s": rates["both 8"],
        "forced tokens / without, 1 at once": rates["forced 1"] / rates["plain 1"],
        "forced tokens / without, 8 at once": rates["forced 8"] / rates["plain 8"],
        "with the prefix cache too, 1 at once": rates["both 1"] / rates["plain 1"],
        "with the prefix cache too, 8 at once": rates["both 8"] / rates["plain 8"],
    }


async def _proposals_per_second(config: OnnxEngineConfig, at_once: int) -> float:
    engine = OnnxEngine(ModelStore(Path(".osiris/models")).embedded(), config)
    await engine.load()

    async def propose(number: int) -> None:
        request = GenerationRequest(
            id=str(number),
            prompt=conversation(
                GenerateRequest(prompt=f"SPY rose {number / 10} %. What now?"), system=SYSTEM_PROMPT, examples=EXAMPLES
            ),
            max_tokens=MAX_TOKENS,
            json_schema=proposal_schema("SPY", 144),
        )
        async for _ in engine.generate(request):
            pass

    await propose(0)
    started = time.perf_counter()
    for first in range(1, 9, at_once):
        await asyncio.gather(*(propose(number) for number in range(first, first + at_once)))
    seconds = time.perf_counter() - started
    await engine.close()
    return 8 / seconds


def measure() -> dict[str, float]:
    """Tokens/s, prompt included; a request is 200 tokens in and up to 96 out."""
    return asyncio.run(_measure())
