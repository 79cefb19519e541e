"""A model's replies as the server-sent events of /v1."""

from collections.abc import AsyncGenerator, AsyncIterator

from pydantic import BaseModel

from osiris_contracts import Chunk, GenerateResult, ModelId, TokenLogprob, Usage
from osiris_contracts.openai import (
    ChatCompletionChunk,
    ChunkChoice,
    Completion,
    Delta,
    DeltaToolCall,
    OpenAIError,
    TextChoice,
)
from osiris_gateway.openai import answers
from osiris_gateway.openai.errors import error_of
from osiris_gateway.resume import Progress
from osiris_mesh import Refused

Reply = Chunk | GenerateResult
Numbered = tuple[int, list[Reply]]


class ChatEvents:
    """The events of one streamed call: its answers as they come.

    Args:
        tools: whether the model may call one; what may become a call is held until it is one, or is not.
    """

    def __init__(self, call_id: str, created: int, model: ModelId, *, tools: bool) -> None:
        self._call_id = call_id
        self._created = created
        self._model = model
        self._tools = tools
        self._begun: set[int] = set()
        self._held: dict[int, str] = {}

    def of(self, index: int, reply: Reply) -> list[BaseModel]:
        """The events of one reply to answer `index`."""
        events = [] if index in self._begun else [self._event(index, Delta(role="assistant", content=""))]
        self._begun.add(index)
        if isinstance(reply, Chunk):
            text = self._given(index, reply.text)
            if text or reply.logprobs:
                events.append(self._event(index, Delta(content=text), reply.logprobs))
            return events
        if reply.tool_call:
            call = answers.tool_call(self._call_id, index, reply.tool_call)
            events.append(self._event(index, Delta(tool_calls=(DeltaToolCall(index=0, **call.model_dump()),))))
        elif held := self._held.get(index):
            events.append(self._event(index, Delta(content=held)))
        last = ChunkChoice(
            index=index, delta=Delta(), finish_reason="tool_calls" if reply.tool_call else reply.finish_reason
        )
        return [*events, self._chunk(last)]

    def usage(self, usages: list[Usage]) -> BaseModel:
        """The event that tells what the answers took."""
        return ChatCompletionChunk(
            id=self._call_id, created=self._created, model=self._model, choices=(), usage=answers.usage(usages)
        )

    def _given(self, index: int, text: str) -> str:
        held = self._held.get(index, "") + text
        if self._tools and held.startswith("<"):
            self._held[index] = held
            return ""
        return text

    def _event(self, index: int, delta: Delta, logprobs: tuple[TokenLogprob, ...] = ()) -> BaseModel:
        return self._chunk(ChunkChoice(index=index, delta=delta, logprobs=answers.chat_logprobs(logprobs)))

    def _chunk(self, choice: ChunkChoice) -> BaseModel:
        return ChatCompletionChunk(id=self._call_id, created=self._created, model=self._model, choices=(choice,))


class TextEvents:
    """The events of one streamed call of /v1/completions."""

    def __init__(self, call_id: str, created: int, model: ModelId) -> None:
        self._call_id = call_id
        self._created = created
        self._model = model
        self._offsets: dict[int, int] = {}

    def of(self, index: int, reply: Reply) -> list[BaseModel]:
        """The events of one reply to answer `index`."""
        if isinstance(reply, GenerateResult):
            return [self._event(TextChoice(index=index, text="", finish_reason=reply.finish_reason))]
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + len(reply.text)
        logprobs = answers.text_logprobs(reply.logprobs, offset)
        return [self._event(TextChoice(index=index, text=reply.text, logprobs=logprobs))]

    def usage(self, usages: list[Usage]) -> BaseModel:
        """The event that tells what the answers took."""
        return Completion(
            id=self._call_id, created=self._created, model=self._model, choices=(), usage=answers.usage(usages)
        )

    def _event(self, choice: TextChoice) -> BaseModel:
        return Completion(id=self._call_id, created=self._created, model=self._model, choices=(choice,))


async def stream(
    events: ChatEvents | TextEvents,
    first: Numbered,
    rest: AsyncGenerator[Numbered],
    progress: Progress,
    *,
    include_usage: bool,
) -> AsyncIterator[bytes]:
    """All events that are new to the client, then `[DONE]`; a refusal in the middle ends them with an error."""
    usages: list[Usage] = []

    def told(numbered: Numbered) -> bytes:
        index, replies = numbered
        usages.extend(reply.usage for reply in replies if isinstance(reply, GenerateResult))
        made = [event for reply in replies for event in events.of(index, reply)]
        return b"".join([_data(event, progress.event_id) for event in made if progress.take(index)])

    try:
        yield told(first)
        async for numbered in rest:
            yield told(numbered)
        if include_usage:
            yield _data(events.usage(usages))
        yield b"data: [DONE]\n\n"
    except Refused as refusal:
        yield _data(OpenAIError(error=error_of(refusal.code, refusal.message)))
    finally:
        await rest.aclose()


def _data(event: BaseModel, event_id: str = "") -> bytes:
    place = f"id: {event_id}\n".encode() if event_id else b""
    return place + b"data: " + event.model_dump_json(exclude_none=True).encode() + b"\n\n"
