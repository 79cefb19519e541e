"""Ours."""

import asyncio
import sys
from pathlib import Path
from time import perf_counter

from tests.bench.engines.contest import Answers, Job, compete

from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import GenerationRequest


def main(model: Path, *, plain: bool) -> None:
    """Compete with the ONNX model; `plain`: without prefix cache and forced tokens."""
    options = {"prefix_cache": 0, "forced_tokens": False} if plain else {}
    engine = OnnxEngine(model, OnnxEngineConfig(slots=16, context=1280, **options))  # type: ignore[arg-type]

    async def one(number: int, prompt: str, job: Job) -> tuple[float, int, str]:
        request = GenerationRequest(str(number), prompt, max_tokens=job.tokens, json_schema=job.schema)
        first, count, text = 0.0, 0, ""
        async for chunk in engine.generate(request):
            first = first or perf_counter()
            text += chunk.text
            count = chunk.usage.completion_tokens if chunk.usage else count
        return first, count, text

    async def all_of(job: Job) -> Answers:
        return await asyncio.gather(*(one(number, prompt, job) for number, prompt in enumerate(job.prompts)))

    with asyncio.Runner() as runner:
        runner.run(engine.load())
        compete(lambda job: runner.run(all_of(job)))


main(Path(sys.argv[1]), plain="--plain" in sys.argv)
