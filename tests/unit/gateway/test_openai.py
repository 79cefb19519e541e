"""Bodies of the OpenAI API as requests to a model, and its replies as their events."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import ValidationError

from osiris_contracts import ChatMessage, Chunk, GenerateResult, ToolCall, Usage
from osiris_contracts.openai import ChatCompletionBody, ChatCompletionChunk, CompletionBody
from osiris_gateway.openai import answers, requests
from osiris_gateway.openai.events import ChatEvents
from osiris_mesh import Refused
from osiris_mesh.merging import merged

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "quote", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "quote", "arguments": '{"symbol": "SPY"}'}}


def chat(**fields: Any) -> ChatCompletionBody:
    return ChatCompletionBody.model_validate({"model": "hermes", "messages": [USER], **fields})


def result(**fields: Any) -> GenerateResult:
    known = {"model_id": "hermes", "model_version": "v", "text": "", "finish_reason": "stop"}
    return GenerateResult(**known | {"usage": Usage(prompt_tokens=3, completion_tokens=2)} | fields)


def test_a_conversation_is_told_turn_by_turn() -> None:
    turns = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Price "}, {"type": "text", "text": "of SPY?"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
        {"role": "tool", "tool_call_id": "c1", "content": "512"},
    ]
    (request,) = requests.of_chat(chat(messages=turns))
    assert request.messages == (
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="Price of SPY?"),
        ChatMessage(
            role="assistant", content='<tool_call>\n{"name": "quote", "arguments": {"symbol": "SPY"}}\n</tool_call>'
        ),
        ChatMessage(role="tool", content="<tool_response>\n512\n</tool_response>"),
    )


def test_several_answers_draw_by_different_seeds() -> None:
    assert [each.seed for each in requests.of_chat(chat(n=3, seed=-1))] == [2**63 - 1, 0, 1]
    assert [each.seed for each in requests.of_chat(chat(n=2))] == [None, None]


def test_every_prompt_is_answered_n_times() -> None:
    body = CompletionBody(model="hermes", prompt=("a", "b"), n=2)
    assert [each.prompt for each in requests.of_text(body)] == ["a", "a", "b", "b"]
    assert all(each.raw and each.max_length == 16 for each in requests.of_text(body))
    with pytest.raises(Refused, match="at most 16 answers"):
        requests.of_text(CompletionBody(model="hermes", prompt=("a",) * 9, n=2))
    with pytest.raises(Refused, match="something in them"):
        requests.of_text(CompletionBody(model="hermes", prompt=" \n"))


@pytest.mark.parametrize(
    ("choice", "tools", "must"),
    [
        (None, 1, "auto"),
        ("required", 1, "required"),
        ("none", 0, "auto"),
        ({"type": "function", "function": {"name": "quote"}}, 1, "required"),
    ],
)
def test_who_may_and_who_must_be_called(choice: Any, tools: int, must: str) -> None:
    (request,) = requests.of_chat(chat(tools=[TOOL], tool_choice=choice))
    assert (len(request.tools), request.tool_choice) == (tools, must)


def test_a_schema_is_needed_where_one_is_announced() -> None:
    with pytest.raises(Refused, match="expected json_schema"):
        requests.of_chat(chat(response_format={"type": "json_schema"}))


def test_a_function_that_is_not_there_cannot_be_chosen() -> None:
    with pytest.raises(Refused, match=r"one of the tools \(quote\), got buy"):
        requests.of_chat(chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "buy"}}))


@pytest.mark.parametrize(
    "fields",
    [
        {"frequency_penalty": 0.5},
        {"logit_bias": {"5": 1}},
        {"unheard_of": 1},
        {"messages": []},
        {"temperature": float("nan")},
    ],
)
def test_what_would_change_the_answer_and_is_not_supported_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        chat(**fields)


def test_what_changes_nothing_is_taken() -> None:
    chat(frequency_penalty=0, presence_penalty=0.0, logit_bias={}, user="me", metadata={"a": "b"}, store=False)


def told(events: ChatEvents, *replies: Any) -> list[ChatCompletionChunk]:
    return [event for reply in replies for event in events.of(0, reply)]  # type: ignore[misc]


def test_text_that_may_become_a_call_is_held_until_it_is_one() -> None:
    events = ChatEvents("id", 0, "hermes", tools=True)
    call = ToolCall(name="quote", arguments={"symbol": "SPY"})
    chunks = told(events, Chunk(index=0, text="<tool"), Chunk(index=1, text="_call>…"), result(tool_call=call))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", None, None]
    assert chunks[1].choices[0].delta.tool_calls[0].function.arguments == '{"symbol": "SPY"}'  # type: ignore[index]
    assert chunks[2].choices[0].finish_reason == "tool_calls"


def test_what_was_held_and_is_no_call_is_given_in_the_end() -> None:
    events = ChatEvents("id", 0, "hermes", tools=True)
    chunks = told(events, Chunk(index=0, text="<tool"), Chunk(index=1, text="_c"), result(finish_reason="length"))
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "<tool_c", None]
    assert chunks[-1].choices[0].finish_reason == "length"


def test_text_flows_where_tools_are_known_and_none_is_called() -> None:
    events = ChatEvents("id", 0, "hermes", tools=True)
    chunks = told(events, Chunk(index=0, text="1 "), Chunk(index=1, text="< 2"), result())
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "1 ", "< 2", None]


def test_usage_is_of_all_answers() -> None:
    assert answers.usage([Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1)] * 2).model_dump() == {
        "prompt_tokens": 6,
        "completion_tokens": 4,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


async def test_merged_streams_keep_their_order_and_end_together() -> None:
    closed = []

    async def stream(name: str, fail: bool = False) -> AsyncGenerator[str]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                if fail and number == 2:
                    raise Refused("queue_full", name)
                yield f"{name}{number}"
        finally:
            closed.append(name)

    items = [item async for item in merged([stream("a"), stream("b")])]
    for number, name in enumerate("ab"):
        assert [text for index, text in items if index == number] == [f"{name}{each}" for each in range(3)]
    with pytest.raises(Refused):
        [item async for item in merged([stream("c", fail=True), stream("d")])]
    early = merged([stream("e"), stream("f")])
    await anext(early)
    await early.aclose()
    assert sorted(closed) == list("abcdef")
