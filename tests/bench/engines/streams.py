"""What running streams feel of a long prompt that is read beside them."""

import asyncio
import itertools
import statistics
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import GenerationRequest

STREAMS, LONG = 8, 3_500


@dataclass(frozen=True)
class Gaps:
    """Seconds between two tokens of a stream: the median before the prompt came, the median and worst beside it."""

    calm: float
    beside: float
    worst: float


def gaps_beside_a_long_prompt(model: Path) -> Gaps:
    """Of 8 streams while a prompt of 3,500 tokens is read."""
    return asyncio.run(_measure(model))


async def _measure(model: Path) -> Gaps:
    engine = OnnxEngine(model, OnnxEngineConfig(slots=STREAMS + 1, context=4096, prefix_cache=0))
    await engine.load()
    times: list[list[float]] = [[] for _ in range(STREAMS)]

    async def stream(number: int) -> None:
        request = GenerationRequest(f"stream {number}", f"{number}, ", max_tokens=600, logprobs=0)
        async for _ in engine.generate(request):
            times[number].append(perf_counter())

    streams = [asyncio.create_task(stream(number)) for number in range(STREAMS)]
    while min(map(len, times)) < 60:
        await asyncio.sleep(0.05)
    asked = perf_counter()
    async for _ in engine.generate(GenerationRequest("long", "word " * LONG, max_tokens=1)):
        pass
    read = perf_counter()
    for task in streams:
        task.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    await engine.close()
    calm = [gap for row in times for gap in _gaps(row, row[20], asked)]
    busy = [gap for row in times for gap in _gaps(row, asked, read)]
    return Gaps(statistics.median(calm), statistics.median(busy), max(busy))


def _gaps(times: list[float], begin: float, end: float) -> list[float]:
    within = [each for each in times if begin <= each <= end]
    return [later - earlier for earlier, later in itertools.pairwise(within)]
