"""What every engine offers: text from messages, piece by piece."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from osiris_contracts import Priority

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate.

    Attributes:
        id: names the request, for `cancel`.
        prompt: a conversation, rendered with the model's own chat template; or text, given to the model as it is.
        max_tokens: generated at most; fewer when the context ends before.
        temperature: 0 is greedy.
        top_p: nucleus sampling, the smallest set of tokens with this probability (Holtzman et al. 2020, section 3.1).
        seed: of the draws; same seed, same text.
        stop: texts that end the answer and are not part of it.
        json_schema: the answer is one JSON document of this schema.
        grammar: the answer follows this grammar, in the dialect of Lark that llguidance reads; not with json_schema.
        logprobs: tell of every token how likely it was, and as many likely ones in its place; None: neither.
        adapter: name of the LoRA adapter to answer with; None: the model as it is.
        priority: who goes first when more wait than there are slots: interactive before desk before batch.
    """

    id: str
    prompt: tuple[Message, ...] | str
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    json_schema: dict[str, Any] | None = None
    grammar: str | None = None
    logprobs: int | None = None
    adapter: str | None = None
    priority: Priority = "desk"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took.

    Attributes:
        prompt_tokens: of the conversation, template included.
        completion_tokens: generated.
        cached_tokens: of the prompt, that were known from earlier prompts.
        queue_seconds: waited for a slot.
        first_token_seconds: from asking to the first token.
        total_seconds: from asking to the last token.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    queue_seconds: float = 0.0
    first_token_seconds: float = 0.0
    total_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LikelyToken:
    """A token in UTF-8, which may be half a character, and the natural logarithm of its probability."""

    text: bytes
    logprob: float


@dataclass(frozen=True, slots=True)
class DrawnToken(LikelyToken):
    """A token of an answer; `top` are the likeliest in its place, best first."""

    top: tuple[LikelyToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text.

    Attributes:
        finish_reason: of the last one: why it is the last.
        usage: of the first one what the answer took so far, of the last one what it took.
        tokens: those it was made of, when the request asked for their log probabilities.
    """

    text: str
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    tokens: tuple[DrawnToken, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineStats:
    """How an engine is doing.

    Attributes:
        running: requests in the batch.
        waiting: requests that wait for a slot.
        slots: requests the batch can hold.
        decoded_tokens: since the engine was made.
        cache_bytes: of prompt beginnings that are kept.
        memory_budget_bytes: that the predicted peak must not pass; 0 where the engine takes its memory at the start.
        memory_predicted_bytes: the peak of what runs.
        memory_measured_bytes: the most that was measured.
        memory_workspace_bytes: the learned part of the prediction.
    """

    running: int
    waiting: int
    slots: int
    decoded_tokens: int
    cache_bytes: int
    memory_budget_bytes: int = 0
    memory_predicted_bytes: int = 0
    memory_measured_bytes: int = 0
    memory_workspace_bytes: int = 0


class EngineError(Exception):
    """An engine cannot do what was asked."""


class PromptTooLong(EngineError):
    """The prompt does not leave room for a single token."""

    def __init__(self, prompt_tokens: int, context: int) -> None:
        super().__init__(
            f"expected a prompt of at most {context - 1} tokens (context {context}), got {prompt_tokens}; shorten it"
        )
        self.prompt_tokens = prompt_tokens
        self.context = context


class MemoryExceeded(EngineError):
    """The request's predicted peak passes the memory budget, even alone.

    Args:
        predicted, budget: bytes.
    """

    def __init__(self, message: str, predicted: int, budget: int) -> None:
        super().__init__(message)
        self.predicted = predicted
        self.budget = budget


class InvalidPrompt(EngineError):
    """The model's chat template refuses the conversation."""


class InvalidGrammar(EngineError):
    """The JSON schema or grammar cannot be followed."""


class QueueFull(EngineError):
    """Too many requests wait."""


class EngineClosed(EngineError):
    """The engine is not loaded, or was closed."""


class EngineDied(EngineError):
    """What the engine runs in is gone, and does not come back by itself."""


class AdapterNotFound(EngineError):
    """There is no LoRA adapter of this name."""


class RequestCancelled(EngineError):
    """The request was cancelled by its id."""


class TextEngine(Protocol):
    """A model that answers several requests at once."""

    @property
    def version(self) -> str:
        """Version of the model that new requests are answered by."""
        ...

    @property
    def device(self) -> str:
        """Where the model runs: cpu or cuda."""
        ...

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the LoRA adapters that a request may ask for."""
        ...

    @property
    def died(self) -> bool:
        """Whether the engine is gone for good, so that its process has to start anew."""
        ...

    async def load(self) -> None:
        """Load the model and warm it up."""
        ...

    def room(self, prompt: tuple[Message, ...] | str) -> int:
        """Tokens that the context leaves for an answer to `prompt`; below 1 when it is too long. Blocks for a moment.

        Raises:
            InvalidPrompt: the chat template refuses the conversation.
            EngineClosed: there is no model.
        """
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """Answer; closing the generator early frees its slot.

        Raises:
            PromptTooLong: the prompt fills the context.
            MemoryExceeded: its predicted peak passes the budget.
            InvalidPrompt: the chat template refuses the conversation.
            InvalidGrammar: the schema is no use.
            QueueFull: too many requests wait.
            AdapterNotFound: there is no such adapter.
            EngineClosed: there is no model.
            EngineDied: it went while it wrote.
        """
        ...

    def cancel(self, request_id: str) -> None:
        """End a request at the next step; its generator raises RequestCancelled."""
        ...

    def stats(self) -> EngineStats:
        """How the engine is doing."""
        ...

    async def swap(self, folder: Path) -> None:
        """Load another version beside this one; new requests go to it, running ones finish where they began."""
        ...

    async def sleep(self) -> None:
        """Give the device's memory back when the running requests are done; new ones wait or are refused."""
        ...

    async def wake(self) -> None:
        """Be as before `sleep`."""
        ...

    async def close(self) -> None:
        """End every request and free the model."""
        ...
