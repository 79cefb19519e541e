"""What a model is shown of a request."""

from collections.abc import Sequence

from osiris_contracts import Example, GenerateRequest
from osiris_inference import tool_calls
from osiris_inference.protocol import Message


def conversation(
    request: GenerateRequest, *, system: str, examples: Sequence[Example] = ()
) -> tuple[Message, ...] | str:
    """The turns of a request: what the model is, how it answered before, what it is asked now; or its raw prompt.

    Args:
        system: what the model is when the request does not say.
        examples: how it answered before when the request does not say.
    """
    if request.raw:
        return request.prompt or ""
    first, *rest = _turns(request, system, examples)
    if request.tools:
        first = Message("system", f"{first.content}\n\n{tool_calls.description(request.tools)}")
    return (first, *rest)


def _turns(request: GenerateRequest, system: str, examples: Sequence[Example]) -> list[Message]:
    if request.messages:
        turns = [Message(turn.role, turn.content) for turn in request.messages]
        return turns if turns[0].role == "system" else [Message("system", system), *turns]
    shown = request.examples or examples
    answered = [turn for each in shown for turn in (Message("user", each.prompt), Message("assistant", each.answer))]
    return [Message("system", request.system or system), *answered, Message("user", request.prompt or "")]
