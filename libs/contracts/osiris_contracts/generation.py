"""Asking a model, and its answers."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from osiris_contracts._base import Contract, ModelId, Symbol
from osiris_contracts.proposal import Proposal

MAX_PROMPT_CHARACTERS = 100_000


class SamplingOptions(Contract):
    """How tokens are drawn. Null: the service's default (phi3 is greedy)."""

    temperature: float | None = Field(default=None, ge=0, le=2, description="0 is greedy, at most 2.")
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Nucleus: smallest set of tokens with this probability, 0 to 1."
    )
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="Same seed, same text.")
    stop: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=4, description="Texts that end the answer; not part of it."
    )


class Example(Contract):
    """A question and its answer, shown to the model before the prompt."""

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS, description="What was asked.")
    answer: str = Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS, description="What was the right answer.")


class GenerateRequest(SamplingOptions):
    """A request to hermes or phi3."""

    prompt: str = Field(
        min_length=1,
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"\S",
        description="What the model is asked, 1 to 100,000 characters, not blank.",
    )
    system: str | None = Field(
        default=None, max_length=MAX_PROMPT_CHARACTERS, description="System prompt; null: the service's own."
    )
    examples: tuple[Example, ...] = Field(
        default=(), max_length=16, description="Shown before the prompt, in this order; none: the service's own."
    )
    max_length: int = Field(default=256, ge=1, le=4096, description="Tokens to generate at most, 1 to 4096.")
    stream: bool = Field(default=False, description="Send chunks while the model writes.")
    ticker: Symbol | None = Field(
        default=None, description="phi3 only: the instrument the proposal must be for; null: its choice."
    )


class Usage(Contract):
    """What an answer took."""

    prompt_tokens: int = Field(ge=0, description="Tokens of the prompt, chat template included.")
    completion_tokens: int = Field(ge=0, description="Tokens generated.")
    cached_tokens: int = Field(default=0, ge=0, description="Tokens of the prompt known from earlier prompts.")
    queue_seconds: float = Field(default=0, ge=0, description="Seconds it waited for a slot of the engine.")
    first_token_seconds: float = Field(
        default=0, ge=0, description="Seconds from asking the engine to the first token."
    )


class Chunk(Contract):
    """A piece of an answer that is still being written."""

    kind: Literal["chunk"] = Field(default="chunk", description="Tells the kinds of reply apart.")
    index: int = Field(ge=0, description="0, 1, 2, … within one answer.")
    text: str = Field(description="The text since the chunk before.")


class GenerateResult(Contract):
    """A finished answer."""

    kind: Literal["result"] = Field(default="result", description="Tells the kinds of reply apart.")
    model_id: ModelId = Field(description="Who answered.")
    model_version: str = Field(description="Which version of it.")
    text: str = Field(description="The whole answer; for phi3 the proposal as JSON.")
    proposal: Proposal | None = Field(default=None, description="phi3 only: the answer as a proposal.")
    finish_reason: Literal["stop", "length"] = Field(
        description="stop: the model ended; length: max_length was reached."
    )
    usage: Usage = Field(description="Tokens in and out.")


ErrorCode = Literal[
    "invalid_request",
    "prompt_too_long",
    "deadline_exceeded",
    "cancelled",
    "model_not_loaded",
    "queue_full",
    "internal",
]


class ErrorReply(Contract):
    """The request could not be served."""

    kind: Literal["error"] = Field(default="error", description="Tells the kinds of reply apart.")
    code: ErrorCode = Field(description="What kind of failure.")
    message: str = Field(description="What was expected, what came, what to do.")
    details: JsonValue = Field(default=None, description="Machine-readable facts, when there are any.")


Reply = Annotated[Chunk | GenerateResult | ErrorReply, Field(discriminator="kind")]
"""What a reply stream carries."""

REPLY: TypeAdapter[Chunk | GenerateResult | ErrorReply] = TypeAdapter(Reply)
