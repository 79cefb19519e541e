"""The engine with the real model: what it says, how requests share it, what it refuses."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import (
    EngineClosed,
    GenerationRequest,
    InvalidGrammar,
    Message,
    PromptTooLong,
    QueueFull,
    RequestCancelled,
)


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[OnnxEngine]:
    running = OnnxEngine(model, OnnxEngineConfig(slots=4, context=256, waiting=8))
    await running.load()
    yield running
    await running.close()


def request(prompt: str, **options: Any) -> GenerationRequest:
    defaults: dict[str, Any] = {"id": prompt, "max_tokens": 24}
    return GenerationRequest(prompt=(Message("user", prompt),), **(defaults | options))


async def text(engine: OnnxEngine, asked: GenerationRequest) -> str:
    return "".join([chunk.text async for chunk in engine.generate(asked)])


async def test_it_knows_the_capital_of_france(engine: OnnxEngine) -> None:
    asked = request("What is the capital city of France? Answer in one sentence.")
    chunks = [chunk async for chunk in engine.generate(asked)]
    assert "Paris" in "".join(chunk.text for chunk in chunks)
    assert len(chunks) > 3
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == "stop"
    usage = chunks[-1].usage
    assert usage and 20 < usage.prompt_tokens < 60
    assert 3 < usage.completion_tokens <= 24


async def test_it_tells_how_much_room_a_prompt_leaves(engine: OnnxEngine) -> None:
    asked = request("Name a colour.", max_tokens=1)
    (chunk,) = [chunk async for chunk in engine.generate(asked)]
    assert chunk.usage is not None
    assert engine.room(asked.prompt) == 256 - chunk.usage.prompt_tokens
    assert engine.room("word " * 300) < 1


PROMPTS = [f"Count from {number} to {number + 3}." for number in range(6)] + ["Name a colour."]


async def test_together_or_alone_a_request_gets_the_same_answer(engine: OnnxEngine) -> None:
    asked = [request(prompt, max_tokens=8 + 3 * index) for index, prompt in enumerate(PROMPTS)]  # leave at other steps
    alone = [await text(engine, each) for each in asked]
    assert await asyncio.gather(*(text(engine, each) for each in asked)) == alone


async def test_the_same_seed_draws_the_same_text(engine: OnnxEngine) -> None:
    drawn = [
        await text(engine, request("Tell me a story.", temperature=1.2, top_p=0.95, seed=seed)) for seed in (1, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


async def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(engine: OnnxEngine) -> None:
    whole = await text(engine, request("Count from 1 to 9."))
    cut = await text(engine, request("Count from 1 to 9.", stop=("4", "never")))
    assert "4" in whole
    assert cut == whole[: whole.index("4")]


async def test_pieces_never_hold_half_a_character(engine: OnnxEngine) -> None:
    schema = {"type": "string", "pattern": "^(€|日本|🙂){6}$"}
    pieces = [
        c.text async for c in engine.generate(request("Emoji!", json_schema=schema, temperature=1, max_tokens=64))
    ]
    assert "�" not in "".join(pieces)
    assert len(json.loads("".join(pieces))) >= 6


async def test_an_answer_follows_its_schema_whatever_the_model_would_say(engine: OnnxEngine) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 10, "maximum": 99}, "ok": {"type": "boolean"}},
        "required": ["n", "ok"],
        "additionalProperties": False,
    }
    answers = [
        json.loads(await text(engine, request("Hi", json_schema=schema, temperature=1.5, seed=n))) for n in range(5)
    ]
    assert all(set(each) == {"n", "ok"} and 10 <= each["n"] <= 99 for each in answers)


async def test_text_is_gone_on_with_as_it_is(engine: OnnxEngine) -> None:
    asked = GenerationRequest("raw", "The capital of France is", max_tokens=1)
    assert await text(engine, asked) == " Paris"


async def test_every_token_tells_how_likely_it_was(engine: OnnxEngine) -> None:
    asked = request("Name a colour.", logprobs=5)
    tokens = [token async for chunk in engine.generate(asked) for token in chunk.tokens]
    assert b"".join(token.text for token in tokens).decode() == await text(engine, request("Name a colour."))
    for token in tokens:
        assert token.logprob == token.top[0].logprob  # greedy takes the likeliest
        assert 0 < sum(math.exp(each.logprob) for each in token.top) <= 1 + 1e-6
        assert [each.logprob for each in token.top] == sorted((each.logprob for each in token.top), reverse=True)


async def test_what_a_grammar_forces_is_certain(engine: OnnxEngine) -> None:
    asked = request("Say hi.", json_schema={"const": {"answer": "yes"}}, logprobs=1)
    chunks = [chunk async for chunk in engine.generate(asked)]
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert b"".join(token.text for token in tokens).decode() == "".join(chunk.text for chunk in chunks)
    assert [token.logprob for token in tokens[1:]] == [0.0] * (len(tokens) - 1)


async def test_a_schema_that_cannot_be_followed_is_refused(engine: OnnxEngine) -> None:
    with pytest.raises(InvalidGrammar, match="expected a JSON schema"):
        await text(engine, request("Hi", json_schema={"type": "no such type"}))


async def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(engine: OnnxEngine) -> None:
    with pytest.raises(PromptTooLong, match=r"at most 255 tokens \(context 256\), got \d{3,}") as caught:
        await text(engine, request("word " * 400))
    assert caught.value.prompt_tokens > 400


async def test_an_answer_ends_where_the_context_does(engine: OnnxEngine) -> None:
    chunks = [c async for c in engine.generate(request("word " * 190, max_tokens=4096, temperature=1.0))]
    assert chunks[-1].usage
    assert chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens <= 256


async def test_closing_the_generator_frees_the_slot(engine: OnnxEngine) -> None:
    generator = engine.generate(request("Tell me a long story.", max_tokens=200))
    await anext(generator)
    assert engine.stats().running == 1
    await generator.aclose()
    async with asyncio.timeout(5):
        while engine.stats().running:
            await asyncio.sleep(0.01)


async def test_a_request_is_cancelled_by_its_id(engine: OnnxEngine) -> None:
    generator = engine.generate(request("Tell me a long story.", id="story", max_tokens=200))
    await anext(generator)
    engine.cancel("story")
    with pytest.raises(RequestCancelled, match="story"):
        async for _ in generator:
            pass


async def test_past_the_slots_requests_wait_and_past_the_queue_they_are_refused(engine: OnnxEngine) -> None:
    results = await asyncio.gather(
        *(text(engine, request(f"Say {number}.", max_tokens=12)) for number in range(20)), return_exceptions=True
    )
    refused = [each for each in results if isinstance(each, QueueFull)]
    assert 0 < len(refused) <= 12
    assert all(isinstance(each, str) and each for each in results if not isinstance(each, QueueFull))


async def test_a_swap_loses_no_request(engine: OnnxEngine, model: Path) -> None:
    before = [asyncio.create_task(text(engine, request(f"Say {number}.", max_tokens=30))) for number in range(4)]
    await asyncio.sleep(0.1)
    await engine.swap(model)
    assert await text(engine, request("What is the capital of France?"))
    assert all(await asyncio.gather(*before))


async def test_after_swaps_and_sleep_there_is_one_model_in_memory(model: Path) -> None:
    def resident() -> float:
        return psutil.Process().memory_info().rss / 1e6

    engine = OnnxEngine(model, OnnxEngineConfig(slots=8, context=2048))
    before = resident()
    await engine.load()
    await asyncio.gather(*(text(engine, request(f"Count from {number}.", temperature=1.5)) for number in range(8)))
    one = resident() - before
    for _ in range(3):
        await engine.swap(model)
        await asyncio.gather(*(text(engine, request(f"Count from {number}.", temperature=1.5)) for number in range(8)))
    assert resident() - before < 1.25 * one
    await engine.sleep()
    assert resident() - before < 0.25 * one
    with pytest.raises(EngineClosed):
        await text(engine, request("Are you there?"))
    await engine.wake()
    assert await text(engine, request("Are you there?"))
    await engine.close()


async def test_a_closed_engine_says_so(model: Path) -> None:
    engine = OnnxEngine(model, OnnxEngineConfig(slots=1, context=128))
    with pytest.raises(EngineClosed):
        await text(engine, request("Hi"))
    await engine.load()
    await engine.close()
    with pytest.raises(EngineClosed):
        await text(engine, request("Hi"))


async def test_the_event_loop_never_waits_for_the_model(engine: OnnxEngine) -> None:
    longest, last = 0.0, asyncio.get_running_loop().time()
    answers = [asyncio.create_task(text(engine, request(f"{'word ' * 100} {n}", max_tokens=40))) for n in range(4)]
    while not all(task.done() for task in answers):
        await asyncio.sleep(0.001)
        now = asyncio.get_running_loop().time()
        longest, last = max(longest, now - last), now
    assert longest < 0.25  # a prompt of 100 words alone takes longer to read than this


# --- what is computed once, at once, or first ---

FIXED = "You manage a position. " * 60
SCHEMA = {
    "type": "object",
    "properties": {"instrument": {"const": "EURUSD"}, "long_position": {"type": "boolean"}},
    "required": ["instrument", "long_position"],
    "additionalProperties": False,
}


async def loaded(model: Path, **options: Any) -> OnnxEngine:
    engine = OnnxEngine(model, OnnxEngineConfig(**({"slots": 4, "context": 768} | options)))
    await engine.load()
    return engine


async def seconds_to_first(engine: OnnxEngine, asked: GenerationRequest) -> float:
    started = asyncio.get_running_loop().time()
    generator = engine.generate(asked)
    await anext(generator)
    took = asyncio.get_running_loop().time() - started
    await generator.aclose()
    return took


async def test_a_known_beginning_saves_its_time_and_changes_no_bit(model: Path) -> None:
    cached, uncached = await loaded(model), await loaded(model, prefix_cache=0)
    questions = [f"{FIXED} Question {number}: is {number} even?" for number in range(4)]
    missed = [await seconds_to_first(uncached, request(each, max_tokens=4)) for each in questions]
    assert [await text(cached, request(each)) for each in questions] == [
        await text(uncached, request(each)) for each in questions
    ]
    hit = [await seconds_to_first(cached, request(each, max_tokens=4)) for each in questions]
    assert min(hit) < 0.5 * min(missed)
    await cached.close()
    await uncached.close()


async def test_forced_tokens_cost_no_step_of_their_own(model: Path) -> None:
    asked = request("EURUSD rose.", json_schema=SCHEMA, max_tokens=64)
    answers, steps = [], []
    for forced in (True, False):
        engine = await loaded(model, forced_tokens=forced)
        chunks = [chunk async for chunk in engine.generate(asked)]
        answers.append(json.loads("".join(chunk.text for chunk in chunks)))
        steps.append(len(chunks))
        await engine.close()
    assert answers[0].keys() == answers[1].keys() == {"instrument", "long_position"}
    assert steps[0] < steps[1] / 2


async def test_free_and_bound_requests_share_a_batch_and_answer_as_if_alone(model: Path) -> None:
    engine = await loaded(model)
    schemas = (None, SCHEMA, None, SCHEMA, SCHEMA, None)
    asked = [request(f"Count {number}.", json_schema=schema, max_tokens=20) for number, schema in enumerate(schemas)]
    alone = [await text(engine, each) for each in asked]
    assert await asyncio.gather(*(text(engine, each) for each in asked)) == alone
    await engine.close()


async def test_interactive_requests_go_before_the_desks_and_batch_goes_last(model: Path) -> None:
    engine = await loaded(model, slots=1)
    finished: list[str] = []

    async def answer(priority: Any) -> None:
        await text(engine, request("Say yes.", id=priority, priority=priority, max_tokens=4))
        finished.append(priority)

    running = asyncio.create_task(text(engine, request("Tell me a story.", max_tokens=60)))
    await asyncio.sleep(0.3)
    await asyncio.gather(running, *(answer(priority) for priority in ("batch", "desk", "interactive")))
    assert finished == ["interactive", "desk", "batch"]
    await engine.close()


async def test_a_long_prompt_does_not_stall_those_that_run(model: Path) -> None:
    engine = await loaded(model, slots=3, context=1536, prefix_cache=0)
    gaps: list[float] = []

    async def watch(number: int) -> None:
        last = asyncio.get_running_loop().time()
        async for _ in engine.generate(request(f"Tell me story {number}.", max_tokens=80, temperature=1.0)):
            now = asyncio.get_running_loop().time()
            gaps.append(now - last)
            last = now

    watching = [asyncio.create_task(watch(number)) for number in range(2)]
    await asyncio.sleep(0.6)
    alone = engine.stats().decoded_tokens
    assert alone
    whole = await seconds_to_first(engine, request("word " * 1200, max_tokens=1))
    await asyncio.gather(*watching)
    assert max(gaps[4:]) < whole / 3  # read in one piece it would have stalled them for all of it
    await engine.close()


@pytest.mark.parametrize("how", ["cancelled", "hung up"])
async def test_a_slot_is_free_within_a_quarter_of_a_second(engine: OnnxEngine, how: str) -> None:
    running = [engine.generate(request(f"Tell me story {number}.", max_tokens=200)) for number in range(3)]
    for generator in running:
        await anext(generator)
    assert engine.stats().running == 3
    started = asyncio.get_running_loop().time()
    if how == "cancelled":
        engine.cancel("Tell me story 1.")
    else:
        await running[1].aclose()
    while engine.stats().running == 3:
        await asyncio.sleep(0.002)
    assert asyncio.get_running_loop().time() - started < 0.25
    for generator in running:
        await generator.aclose()
