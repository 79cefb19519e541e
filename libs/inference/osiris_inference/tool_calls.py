"""Calls of a caller's tools, in the format that Hermes 2 Pro and later were trained on (NousResearch, "Hermes Function
Calling", github.com/NousResearch/Hermes-Function-Calling), held to the tools' own schemas by a grammar."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from osiris_contracts import Tool, ToolCall

BEGIN = "<tool_call>\n"
END = "\n</tool_call>"
_CLOSED = {"additionalProperties": False}


def description(tools: Sequence[Tool]) -> str:
    """What the model is told of the tools."""
    known = "\n".join(json.dumps(tool.model_dump()) for tool in tools)
    shape = f'{BEGIN}{{"name": "<its name>", "arguments": {{…}}}}{END}'
    return f"You may call one of these functions:\n<tools>\n{known}\n</tools>\nTo call one, answer only with\n{shape}"


def grammar(tools: Sequence[Tool], *, required: bool) -> str:
    """A call of one of `tools`, or text where no call is required: Lark in llguidance's dialect.

    Text does not begin with `<`, so that the first character tells which it is.
    """
    call = f"call: {json.dumps(BEGIN)} %json {json.dumps(_schema(tools))} {json.dumps(END)}\n"
    return f"start: call\n{call}" if required else f"start: call | TEXT\n{call}TEXT: /[^<](.|\\n)*/\n"


def called(text: str) -> ToolCall | None:
    """The call that an answer is; None for text, and for a call cut short."""
    if not (text.startswith(BEGIN) and text.endswith(END)):
        return None
    try:
        return ToolCall.model_validate_json(text.removeprefix(BEGIN).removesuffix(END))
    except ValidationError:
        return None


def _schema(tools: Sequence[Tool]) -> dict[str, Any]:
    either = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool.name},
                "arguments": {"additionalProperties": False, **tool.parameters},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return {"x-guidance": {"whitespace_flexible": False}, "anyOf": either}
