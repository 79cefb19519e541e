"""What two models take for the same work: seconds, measured by turns, and memory.

A machine that does other work is slow for a while, and then not. So both are loaded, on one thread each, do the same
work one right after the other, who goes first changing every round, and what counts is the processor's time, which
nobody else's work is part of, and of it the median of the rounds' ratios. Rounds go on until its interval lies on one
side of the limit, or there were enough.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median as middle

import psutil

from osiris_inference import comparison
from osiris_inference.memory import give_back
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import GenerationRequest, Message
from osiris_trainer.night.judging.answering import answer
from osiris_trainer.night.judging.verdict import Bounds, Cost

FEWEST_ROUNDS, MOST_ROUNDS = 12, 24

_TOKENS = 6
_CONTEXT = 512
_UNENDING = r"start: /[ -~]{2000,}/"  # so that both write as many tokens
_TEXT = "The price fell for three days. " * 4
_WARM_UP = 2


async def measure(base: Path, candidate: Path, limit: float, progress: Callable[[str], None]) -> Cost:
    """Measure both.

    Args:
        limit: the ratio of time that decides.

    Raises:
        ValueError: a folder holds no model that can be run.
    """
    memory = [await _memory(folder) for folder in (base, candidate)]
    engines = [_engine(base), _engine(candidate)]
    try:
        for engine in engines:
            await engine.load()
            for _ in range(_WARM_UP):
                await _work(engine)
        rounds = await _rounds(engines[0], engines[1], limit, progress)
    finally:
        for engine in engines:
            await engine.close()
        give_back()
    return Cost(
        time_ratio=Bounds.of(_ratio(rounds)),
        rounds=len(rounds),
        base_seconds=middle([ours for ours, _ in rounds]),
        candidate_seconds=middle([theirs for _, theirs in rounds]),
        base_bytes=memory[0],
        candidate_bytes=memory[1],
    )


async def _rounds(
    base: OnnxEngine, candidate: OnnxEngine, limit: float, progress: Callable[[str], None]
) -> list[tuple[float, float]]:
    rounds: list[tuple[float, float]] = []
    while len(rounds) < MOST_ROUNDS:
        if len(rounds) % 2:
            theirs = await _work(candidate)
            rounds.append((await _work(base), theirs))
        else:
            ours = await _work(base)
            rounds.append((ours, await _work(candidate)))
        progress(f"speed: round {len(rounds)}")
        ratio = _ratio(rounds)
        if len(rounds) >= FEWEST_ROUNDS and not ratio.low <= limit <= ratio.high:
            break
    return rounds


def _ratio(rounds: list[tuple[float, float]]) -> comparison.Interval:
    return comparison.median([theirs / ours for ours, theirs in rounds])


async def _work(engine: OnnxEngine) -> float:
    """Read a prompt and write as many tokens as always; seconds of the processor."""
    request = GenerationRequest("work", (Message("user", _TEXT),), max_tokens=_TOKENS, grammar=_UNENDING)
    started = time.process_time()
    await answer(engine, request)
    return time.process_time() - started


async def _memory(folder: Path) -> int:
    """Bytes that the process holds more when the model is loaded and has worked, the less of two times."""
    found = []
    for _ in range(2):  # what is loaded once with the first one, such as libraries, is no model's
        give_back()
        before = psutil.Process().memory_info().rss
        engine = _engine(folder)
        await engine.load()
        await _work(engine)
        found.append(psutil.Process().memory_info().rss - before)
        await engine.close()
    await asyncio.to_thread(give_back)
    return max(1, min(found))


def _engine(folder: Path) -> OnnxEngine:
    return OnnxEngine(folder, OnnxEngineConfig(slots=1, context=_CONTEXT, threads=1, prefix_cache=0))
