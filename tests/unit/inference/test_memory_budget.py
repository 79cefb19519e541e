"""What a request takes of memory is predicted before it is taken in; what was measured corrects the prediction."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.inference.test_onnx_engine import request, text

from osiris_inference.budget import MIB, MemoryBudget, default_limit, resident
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import MemoryExceeded


def budget(limit_mib: int = 1_000) -> MemoryBudget:
    """Weights of 400 MiB, 1 MiB a token."""
    return MemoryBudget(limit_mib * MIB, weights=400 * MIB, bytes_per_token=MIB)


def test_the_peak_is_weights_keys_and_values_and_what_was_learned() -> None:
    memory = budget()
    memory.learn(resident=650 * MIB, cache=50 * MIB)  # so 200 MiB are neither
    peak = memory.predict(tokens=100, kept=10 * MIB)
    assert (peak.weights, peak.cache, peak.workspace) == (400 * MIB, 110 * MIB, 200 * MIB)
    assert peak.total == 710 * MIB and peak.fits
    assert memory.measured == 650 * MIB


def test_a_request_that_would_not_fit_alone_is_refused_with_the_numbers() -> None:
    memory = budget()
    memory.learn(resident=600 * MIB, cache=0)
    memory.require(400)
    with pytest.raises(MemoryExceeded) as refused:
        memory.require(401)
    assert (refused.value.predicted, refused.value.budget) == (1_001 * MIB, 1_000 * MIB)
    for number in ("1000 MiB", "1001 MiB", "weights 400", "401 tokens 401", "workspace 200", "at most 400 tokens"):
        assert number in str(refused.value)


def test_a_higher_peak_is_learned_at_once_and_forgotten_slowly() -> None:
    memory = budget()
    memory.learn(resident=700 * MIB, cache=0)
    memory.learn(resident=500 * MIB, cache=0)
    assert 290 * MIB < memory.workspace < 300 * MIB
    for _ in range(300):
        memory.learn(resident=500 * MIB, cache=0)
    assert memory.workspace == pytest.approx(100 * MIB, rel=0.01)
    memory.learn(resident=900 * MIB, cache=0)
    memory.relearn(resident=500 * MIB, cache=0)
    assert memory.workspace == 100 * MIB


@given(st.lists(st.tuples(st.integers(0, 2**34), st.integers(0, 2**33)), min_size=1), st.integers(1, 10_000))
def test_it_never_predicts_less_than_the_last_peak_and_more_tokens_take_more(
    measured: list[tuple[int, int]], tokens: int
) -> None:
    memory = budget()
    for held, cache in measured:
        memory.learn(held, cache)
    held, cache = measured[-1]
    assert memory.predict(0, kept=cache).total >= held - 1
    assert memory.predict(tokens).total > memory.predict(tokens - 1).total


def test_without_a_word_it_is_most_of_the_machine() -> None:
    assert 2**28 < default_limit() < 2**46
    assert resident() < default_limit()


async def loaded(model: Path, budget: int | None) -> OnnxEngine:
    engine = OnnxEngine(
        model, OnnxEngineConfig(slots=4, context=2_048, waiting=8, prefix_cache=0, memory_budget=budget)
    )
    await engine.load()
    return engine


async def test_the_engine_refuses_what_never_fits_and_lets_wait_what_does_not_fit_now(model: Path) -> None:
    for _ in range(2):  # the second time it finds what a process keeps of a first engine
        engine = await loaded(model, None)
        free = engine.stats()
        assert free.memory_measured_bytes > free.memory_workspace_bytes > 0
        await engine.close()
    a_token = 30 * 2 * 3 * 64 * 4  # layers, keys and values, heads, their size, float32
    idle = free.memory_predicted_bytes

    engine = await loaded(model, idle + 600 * a_token + 60 * MIB)
    with pytest.raises(MemoryExceeded, match="keys and values of"):
        await text(engine, request("Count.", max_tokens=2_048 - 40, id="never"))
    # two of these do not fit together: one waits for the other, and both are answered
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, engine.stats().running)
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    tokens = int((engine.stats().memory_budget_bytes - engine.stats().memory_predicted_bytes) / a_token * 0.7)
    prompt = "What is a stop? Answer in one short sentence."
    answers = await asyncio.gather(
        *(text(engine, request(prompt, id=str(number), max_tokens=min(tokens, 1_900))) for number in range(3))
    )
    watching.cancel()
    assert len(answers) == 3 and all(answers)
    assert most == 1
    await engine.close()


async def test_a_model_that_does_not_fit_is_not_loaded(model: Path) -> None:
    with pytest.raises(ValueError, match="a model that fits into its memory"):
        await loaded(model, 50 * MIB)
