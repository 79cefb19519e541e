"""Asking a model, and its answers."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from osiris_contracts._base import QUIET, Contract, ModelId, Symbol
from osiris_contracts.planning import KernelPlan, TradePlan
from osiris_contracts.proposal import FewShot, Proposal
from osiris_contracts.speech import AudioClip, SpeechResult

MAX_PROMPT_CHARACTERS = 100_000
MAX_TOKENS = 4096
"""Of one answer."""


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


class ChatMessage(Contract):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"] = Field(description="Who speaks.")
    content: str = Field(max_length=MAX_PROMPT_CHARACTERS, description="What is said.")


class Tool(Contract):
    """A function of the caller's that the model may ask for."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 of letters, digits, _ and -.")
    description: str = Field(default="", max_length=4096, description="What it does, for the model.")
    parameters: dict[str, JsonValue] = Field(
        default={"type": "object"},
        description="JSON schema of its arguments, an object, closed unless it says otherwise.",
    )


class ToolCall(Contract):
    """The model asks its caller to call a tool."""

    name: str = Field(description="The tool.")
    arguments: dict[str, JsonValue] = Field(description="As the tool's schema has them.")


class GenerateRequest(SamplingOptions):
    """A request to hermes or phi3: a prompt, or a conversation."""

    prompt: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"\S",
        description="What the model is asked, 1 to 100,000 characters, not blank.",
    )
    raw: bool = Field(
        default=False, description="Give the model the prompt as it is: no system prompt, no examples, no template."
    )
    system: str | None = Field(
        default=None, max_length=MAX_PROMPT_CHARACTERS, description="System prompt; null: the service's own."
    )
    examples: tuple[Example, ...] = Field(
        default=(), max_length=16, description="Shown before the prompt, in this order; none: the service's own."
    )
    messages: tuple[ChatMessage, ...] = Field(
        default=(), max_length=256, description="A conversation instead of prompt, system and examples."
    )
    max_length: int = Field(default=256, ge=1, le=MAX_TOKENS, description="Tokens to generate at most, 1 to 4096.")
    stream: bool = Field(default=False, description="Send chunks while the model writes.")
    logprobs: int | None = Field(
        default=None,
        ge=0,
        le=20,
        description="Tell the log probability of every token, and of this many likely ones in its place; null: none.",
    )
    adapter: str | None = Field(
        default=None, max_length=100, description="Name of a LoRA adapter to answer with; null: the model as it is."
    )
    json_schema: dict[str, JsonValue] | None = Field(
        default=None, description="hermes only: the answer is one JSON document of this schema."
    )
    tools: tuple[Tool, ...] = Field(default=(), max_length=32, description="hermes only: what the model may ask for.")
    tool_choice: Literal["auto", "required"] = Field(
        default="auto", description="required: the answer is a call of a tool, not text."
    )
    ticker: Symbol | None = Field(
        default=None, description="phi3 only: the instrument the proposal must be for; null: its choice."
    )

    @model_validator(mode="after")
    def _prompt_or_messages(self) -> Self:
        if (self.prompt is None) == (not self.messages):
            raise ValueError(f"expected either prompt or messages, got {'both' if self.messages else 'neither'}")
        if self.messages and (self.raw or self.system is not None or self.examples):
            raise ValueError("expected messages alone, without raw, system and examples: they are part of them")
        if self.raw and (self.system is not None or self.examples or self.tools):
            raise ValueError("expected a raw prompt alone, without system, examples and tools")
        if self.tools and self.json_schema is not None:
            raise ValueError("expected either tools or json_schema, got both")
        return self


class Usage(Contract):
    """What an answer took."""

    prompt_tokens: int = Field(ge=0, description="Tokens of the prompt, chat template included.")
    completion_tokens: int = Field(ge=0, description="Tokens generated.")
    cached_tokens: int = Field(default=0, ge=0, description="Tokens of the prompt known from earlier prompts.")
    queue_seconds: float = Field(default=0, ge=0, description="Seconds it waited for a slot of the engine.")
    first_token_seconds: float = Field(
        default=0, ge=0, description="Seconds from asking the engine to the first token."
    )
    total_seconds: float = Field(default=0, ge=0, description="Seconds from asking the engine to the last token.")


class LikelyToken(Contract):
    """A token the model might have written, and how likely that was."""

    token: str = Field(description="Its text; half a character shows as \ufffd.")
    bytes: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(description="Its text in UTF-8, exactly.")
    logprob: float = Field(le=0, ge=-9999, description="Natural logarithm of its probability; -9999: impossible.")


class TokenLogprob(LikelyToken):
    """A token of an answer, and the likeliest in its place.

    The distribution is the one it was drawn from, before temperature and top_p: where a grammar left one choice, 0.
    """

    top: tuple[LikelyToken, ...] = Field(default=(), max_length=20, description="The likeliest, best first.")


class Chunk(Contract):
    """A piece of an answer that is still being written."""

    kind: Literal["chunk"] = Field(default="chunk", description="Tells the kinds of reply apart.")
    index: int = Field(ge=0, description="0, 1, 2, … within one answer.")
    text: str = Field(description="The text since the chunk before.")
    logprobs: tuple[TokenLogprob, ...] = Field(default=(), description="Of its tokens, when they were asked for.")
    usage: Usage | None = Field(default=None, description="In the first chunk: what it took so far.")


class GenerateResult(Contract):
    """A finished answer."""

    kind: Literal["result"] = Field(default="result", description="Tells the kinds of reply apart.")
    model_id: ModelId = Field(description="Who answered.")
    model_version: str = Field(description="Which version of it.")
    text: str = Field(description="The whole answer; for phi3 the proposal as JSON.")
    proposal: Proposal | None = Field(default=None, description="phi3 only: the answer as a proposal.")
    few_shot: FewShot | None = Field(
        default=None,
        description="phi3 only: the corrections it was shown; null when the request brought its own examples or turns.",
    )
    tool_call: ToolCall | None = Field(default=None, description="hermes only: the answer as a call of a tool.")
    logprobs: tuple[TokenLogprob, ...] = Field(default=(), description="Of every token, when they were asked for.")
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
    "replaced",
    "risk_gate_reject",
    "internal",
]


class ErrorReply(Contract):
    """The request could not be served."""

    kind: Literal["error"] = Field(default="error", description="Tells the kinds of reply apart.")
    code: ErrorCode = Field(description="What kind of failure.")
    message: str = Field(description="What was expected, what came, what to do.")
    details: JsonValue = Field(default=None, description="Machine-readable facts, when there are any.")


AnyReply = Chunk | GenerateResult | AudioClip | SpeechResult | TradePlan | KernelPlan | ErrorReply
"""What a reply stream carries."""

Reply = Annotated[AnyReply, Field(discriminator="kind")]
REPLY: TypeAdapter[AnyReply] = TypeAdapter(Reply, config=QUIET)
