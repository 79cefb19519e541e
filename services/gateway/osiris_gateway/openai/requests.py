"""Bodies of /v1 as requests to a model."""

import json
from typing import Any

from osiris_contracts import MAX_TOKENS, ChatMessage, GenerateRequest, Tool
from osiris_contracts.openai import (
    MAX_CHOICES,
    ChatCompletionBody,
    ChatCompletionMessage,
    CompletionBody,
    FunctionChoice,
    FunctionTool,
)
from osiris_mesh import Refused

_DEFAULT_COMPLETION_TOKENS = 16  # as the API has it
_ANY_OBJECT = {"type": "object"}


def of_chat(body: ChatCompletionBody, adapter: str | None = None) -> list[GenerateRequest]:
    """One request an answer.

    Raises:
        Refused: a tool is chosen that is not there, or the schema of the answer is missing.
    """
    tools, choice = _tools(body)
    fields = _options(body, adapter) | {
        "messages": tuple(map(_message, body.messages)),
        "max_length": body.max_completion_tokens or body.max_tokens or MAX_TOKENS,
        "logprobs": 0 if body.logprobs and body.top_logprobs is None else body.top_logprobs,
        "json_schema": None if tools else _schema(body),
        "tools": tools,
        "tool_choice": choice,
    }
    return _repeated(fields, body.n)


def of_text(body: CompletionBody, adapter: str | None = None) -> list[GenerateRequest]:
    """One request an answer: all of the first prompt, then all of the next.

    Raises:
        Refused: a prompt is blank, or there are too many answers.
    """
    prompts = (body.prompt,) if isinstance(body.prompt, str) else body.prompt
    if blank := [prompt for prompt in prompts if not prompt.strip()]:
        raise Refused("invalid_request", f"expected prompts with something in them, got {blank[0]!r}")
    if len(prompts) * (body.n or 1) > MAX_CHOICES:
        raise Refused(
            "invalid_request", f"expected at most {MAX_CHOICES} answers to one call, got {len(prompts)} x {body.n}"
        )
    shared = _options(body, adapter) | {
        "raw": True,
        "max_length": body.max_tokens or _DEFAULT_COMPLETION_TOKENS,
        "logprobs": body.logprobs,
    }
    return [each for prompt in prompts for each in _repeated(shared | {"prompt": prompt}, body.n)]


def _options(body: ChatCompletionBody | CompletionBody, adapter: str | None) -> dict[str, Any]:
    stop = (body.stop,) if isinstance(body.stop, str) else body.stop or ()
    return {
        "temperature": body.temperature,
        "top_p": body.top_p or None,
        "seed": None if body.seed is None else body.seed % 2**63,
        "stop": stop,
        "stream": bool(body.stream),
        "adapter": adapter,
    }


def _repeated(fields: dict[str, Any], n: int | None) -> list[GenerateRequest]:
    """`n` requests that differ in their seed, when there is one."""
    seed = fields["seed"]
    seeds = [None if seed is None else (seed + number) % 2**63 for number in range(n or 1)]
    return [GenerateRequest(**{**fields, "seed": seed}) for seed in seeds]


def _message(message: ChatCompletionMessage) -> ChatMessage:
    if message.role == "tool":
        return ChatMessage(role="tool", content=f"<tool_response>\n{message.text}\n</tool_response>")
    calls = "".join(
        f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}\n</tool_call>'
        for call in (each.function for each in message.tool_calls or ())
    )
    role = "system" if message.role == "developer" else message.role
    return ChatMessage(role=role, content=message.text + calls)


def _schema(body: ChatCompletionBody) -> dict[str, Any] | None:
    form = body.response_format
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return _ANY_OBJECT
    if form.json_schema is None:
        raise Refused("invalid_request", "expected json_schema in a response_format of type json_schema, got none")
    return form.json_schema.schema_


def _tools(body: ChatCompletionBody) -> tuple[tuple[Tool, ...], str]:
    if not body.tools or body.tool_choice == "none":
        return (), "auto"
    tools = tuple(map(_tool, body.tools))
    if not isinstance(body.tool_choice, FunctionChoice):
        return tools, body.tool_choice or "auto"
    wanted = body.tool_choice.function.name
    chosen = tuple(tool for tool in tools if tool.name == wanted)
    if not chosen:
        names = ", ".join(tool.name for tool in tools)
        raise Refused("invalid_request", f"expected tool_choice to name one of the tools ({names}), got {wanted}")
    return chosen, "required"


def _tool(tool: FunctionTool) -> Tool:
    given = tool.function.model_dump(exclude_none=True)
    return Tool(**given)
