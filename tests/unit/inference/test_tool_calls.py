"""Calls of a caller's tools: the real small model, held to them by a grammar."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from osiris_contracts import ChatMessage, GenerateRequest, Tool, ToolCall
from osiris_inference import tool_calls
from osiris_inference.conversation import conversation
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.protocol import GenerationRequest, Message

QUOTE = Tool(
    name="get_quote",
    description="The last price of a symbol.",
    parameters={
        "type": "object",
        "properties": {"symbol": {"enum": ["SPY", "EURUSD"]}},
        "required": ["symbol"],
        "additionalProperties": False,
    },
)
CLOSE = Tool(name="close_position")


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[OnnxEngine]:
    engine = OnnxEngine(model, OnnxEngineConfig(slots=2, context=512))
    await engine.load()
    yield engine
    await engine.close()


@pytest.mark.parametrize("seed", range(8))
async def test_a_required_call_is_always_a_valid_one(engine: OnnxEngine, seed: int) -> None:
    request = GenerationRequest(
        id="call",
        prompt=(Message("user", "What does EURUSD cost?"),),
        temperature=1.5,
        seed=seed,
        grammar=tool_calls.grammar((QUOTE, CLOSE), required=True),
    )
    text = "".join([chunk.text async for chunk in engine.generate(request)])
    call = tool_calls.called(text)
    assert call is not None, text
    assert call.name in ("get_quote", "close_position")
    if call.name == "get_quote":
        assert call.arguments["symbol"] in ("SPY", "EURUSD")


async def test_where_no_call_is_required_text_is_text(engine: OnnxEngine) -> None:
    grammar = tool_calls.grammar((QUOTE,), required=False)
    request = GenerationRequest("text", (Message("user", "Tell me of the sea."),), max_tokens=20, grammar=grammar)
    text = "".join([chunk.text async for chunk in engine.generate(request)])
    assert text and tool_calls.called(text) is None


def test_an_answer_cut_short_is_no_call() -> None:
    whole = '<tool_call>\n{"name": "get_quote", "arguments": {"symbol": "SPY"}}\n</tool_call>'
    assert tool_calls.called(whole) == ToolCall(name="get_quote", arguments={"symbol": "SPY"})
    assert tool_calls.called(whole[:-1]) is None
    assert tool_calls.called(whole.replace('"name"', '"nome"')) is None
    assert tool_calls.called("SPY costs 512.") is None


def test_the_model_is_told_of_the_tools() -> None:
    request = GenerateRequest(messages=(ChatMessage(role="user", content="Hi"),), tools=(QUOTE,))
    prompt = conversation(request, system="You are Hermes.")
    assert isinstance(prompt, tuple)
    assert [turn.role for turn in prompt] == ["system", "user"]
    assert prompt[0].content.startswith("You are Hermes.\n\nYou may call")
    assert json.dumps(QUOTE.model_dump()) in prompt[0].content
