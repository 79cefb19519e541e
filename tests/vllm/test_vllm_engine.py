"""The engine on vLLM's own code: one engine for all tests of the file, for it takes half a minute to load."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.vllm.conftest import FOUR_BITS

from osiris_inference import tool_calls
from osiris_inference.protocol import (
    AdapterNotFound,
    GenerationRequest,
    InvalidGrammar,
    Message,
    PromptTooLong,
    RequestCancelled,
)
from osiris_inference.vllm_engine import VllmEngine, VllmEngineConfig

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(checkpoint: Path, adapters: Path) -> AsyncIterator[VllmEngine]:
    running = VllmEngine(checkpoint, VllmEngineConfig(slots=4, context=512, adapters=adapters))
    await running.load()
    yield running
    await running.close()


def request(prompt: str, **options: Any) -> GenerationRequest:
    defaults: dict[str, Any] = {"id": prompt, "max_tokens": 24}
    return GenerationRequest(prompt=(Message("user", prompt),), **(defaults | options))


async def text(engine: VllmEngine, asked: GenerationRequest) -> str:
    return "".join([chunk.text async for chunk in engine.generate(asked)])


async def test_it_knows_the_capital_of_france(engine: VllmEngine) -> None:
    asked = request("What is the capital city of France? Answer in one sentence.")
    chunks = [chunk async for chunk in engine.generate(asked)]
    assert "Paris" in "".join(chunk.text for chunk in chunks)
    assert len(chunks) > 3
    assert chunks[-1].finish_reason == "stop"
    usage = chunks[-1].usage
    assert usage and usage.prompt_tokens > 20 and 3 < usage.completion_tokens <= 24
    assert 0 < usage.first_token_seconds < usage.total_seconds


@pytest.mark.skipif(not FOUR_BITS, reason="vLLM's CPU build has a GPTQ kernel for AVX-512 only, this machine has none")
async def test_its_weights_have_four_bits(engine: VllmEngine) -> None:
    assert engine._loaded().vllm_config.model_config.quantization.endswith("gptq")


async def test_the_same_seed_draws_the_same_text(engine: VllmEngine) -> None:
    first = await text(engine, request("Tell me of the sea.", temperature=1.0, seed=3))
    assert first == await text(engine, request("Tell me of the sea.", temperature=1.0, seed=3))
    assert first != await text(engine, request("Tell me of the sea.", temperature=1.0, seed=4))


async def test_a_stop_text_ends_the_answer(engine: VllmEngine) -> None:
    whole = await text(engine, request("Count: one, two, three, four."))
    word = whole.split()[2]
    assert await text(engine, request("Count: one, two, three, four.", stop=(word,))) == whole.partition(word)[0]


@pytest.mark.parametrize("seed", range(4))
async def test_an_answer_follows_its_schema(engine: VllmEngine, seed: int) -> None:
    schema = {
        "type": "object",
        "properties": {"side": {"enum": ["LONG", "SHORT"]}, "size": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["side", "size"],
        "additionalProperties": False,
    }
    answer = json.loads(await text(engine, request("Trade!", json_schema=schema, temperature=1.5, seed=seed)))
    assert answer["side"] in ("LONG", "SHORT") and 0 <= answer["size"] <= 9


async def test_a_tool_is_called_by_its_grammar(engine: VllmEngine) -> None:
    from osiris_contracts import Tool

    grammar = tool_calls.grammar((Tool(name="close_position"),), required=True)
    call = tool_calls.called(await text(engine, request("Close it.", grammar=grammar, temperature=1.5)))
    assert call is not None and call.name == "close_position"


async def test_a_grammar_that_cannot_be_followed_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(InvalidGrammar):
        await text(engine, request("?", grammar="start: nothing_of_the_kind"))


async def test_every_token_tells_how_likely_it_was(engine: VllmEngine) -> None:
    tokens = [token async for chunk in engine.generate(request("Name a colour.", logprobs=3)) for token in chunk.tokens]
    assert b"".join(token.text for token in tokens).decode() == await text(engine, request("Name a colour."))
    for token in tokens:
        assert len(token.top) == 3 and token.logprob == token.top[0].logprob
        assert sum(math.exp(each.logprob) for each in token.top) <= 1 + 1e-4


async def test_a_prompt_longer_than_the_context_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(PromptTooLong, match="511 tokens"):
        await text(engine, request("word " * 600))


async def test_a_beginning_that_was_seen_before_is_known(engine: VllmEngine) -> None:
    long = "The price fell for three days while the volume rose. " * 24
    usages = []
    for end in ("Why?", "When?"):
        usages += [chunk.usage async for chunk in engine.generate(request(long + end, max_tokens=2)) if chunk.usage]
    assert usages[-1].cached_tokens >= 128


async def test_a_request_is_cancelled_by_its_id_and_closing_frees_its_slot(engine: VllmEngine) -> None:
    story = request("Tell me a long story.", max_tokens=400, temperature=1.5, seed=1)
    with pytest.raises(RequestCancelled):
        async for _ in engine.generate(story):
            engine.cancel(story.id)
    chunks = engine.generate(story)
    await anext(chunks)
    assert engine.stats().running == 1
    await chunks.aclose()
    assert engine.stats().running == 0


async def test_more_requests_than_slots_are_all_answered(engine: VllmEngine) -> None:
    asked = [request(f"Count from {number}.", max_tokens=12) for number in range(9)]
    answers = await asyncio.gather(*(text(engine, each) for each in asked))
    assert all(answers)
    assert engine.stats().running == engine.stats().waiting == 0


async def test_an_adapter_is_chosen_by_its_name(engine: VllmEngine) -> None:
    plain = await text(engine, request("Name a colour."))
    loud = await text(engine, request("Name a colour.", adapter="loud"))
    quiet = await text(engine, request("Name a colour.", adapter="quiet"))
    assert len({plain, loud, quiet}) == 3
    with pytest.raises(AdapterNotFound, match="loud, quiet"):
        await text(engine, request("Name a colour.", adapter="../secrets"))


async def test_rows_without_an_adapter_are_left_alone_in_a_mixed_batch(engine: VllmEngine) -> None:
    plain = await text(engine, request("Name a colour."))
    mixed = [request("Name a colour.", adapter=name) for name in ("loud", None, "quiet", None)]
    answers = await asyncio.gather(*(text(engine, each) for each in mixed))
    assert answers[1] == answers[3] == plain


async def test_vllm_still_needs_the_adapter_that_changes_nothing(
    engine: VllmEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When this fails vLLM has mended its CPU build: take `Adapters.zero` and its use out."""
    from vllm.lora.request import LoRARequest

    plain = await text(engine, request("Name a colour."))
    number, folder = engine._adapters.find("loud")
    monkeypatch.setattr(
        engine, "_adapter", lambda name: None if name is None else LoRARequest("loud", number, str(folder))
    )
    mixed = [request("Name a colour.", adapter=name) for name in ("loud", None, "loud", None)]
    answers = await asyncio.gather(*(text(engine, each) for each in mixed))
    assert answers[1] != plain or answers[3] != plain


async def test_it_sleeps_and_wakes(engine: VllmEngine) -> None:
    before = await text(engine, request("Name a colour."))
    await engine.sleep()
    await engine.wake()
    assert await text(engine, request("Name a colour.")) == before
