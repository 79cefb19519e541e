"""Bodies of the gateway's /v1 endpoints: those of the OpenAI API (platform.openai.com/docs/api-reference), as far as
the desk's models go. What only tells the caller's own systems apart is taken and ignored; what would change an answer
and is not supported is refused."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from osiris_contracts._base import Contract
from osiris_contracts.generation import MAX_PROMPT_CHARACTERS, MAX_TOKENS
from osiris_contracts.speech import MAX_SPEECH_CHARACTERS

MAX_CHOICES = 16
"""Answers to one call, `n` for every prompt."""

_Text = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)]
_Stop = Annotated[str, Field(min_length=1, max_length=64)]
_Zero = Annotated[float, Field(ge=0, le=0)]
_IGNORED = "Taken and ignored."


class _Lenient(BaseModel):
    """Part of a body that clients fill from earlier answers: fields without a meaning here are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class TextPart(_Lenient):
    """A piece of a message."""

    type: Literal["text"] = Field(description="Only text.")
    text: _Text = Field(description="The text.")


class FunctionCall(_Lenient):
    """Which function to call, and with what."""

    name: str = Field(description="The function.")
    arguments: _Text = Field(description="Its arguments, JSON as text.")


class FunctionToolCall(_Lenient):
    """A call the model asked for."""

    id: str = Field(description="Names the call; the answer to it quotes it.")
    type: Literal["function"] = "function"
    function: FunctionCall = Field(description="What to call.")


class ChatCompletionMessage(_Lenient):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"] = Field(description="Who speaks.")
    content: _Text | tuple[TextPart, ...] | None = Field(default=None, description="What is said.")
    tool_calls: tuple[FunctionToolCall, ...] | None = Field(default=None, description="assistant: what it asked for.")

    @property
    def text(self) -> str:
        """All of the content."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part.text for part in self.content)


class FunctionDefinition(_Lenient):
    """Name, description and parameters of a function."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 of letters, digits, _ and -.")
    description: str | None = Field(default=None, max_length=4096, description="What it does.")
    parameters: dict[str, JsonValue] | None = Field(default=None, description="JSON schema of its arguments.")


class FunctionTool(_Lenient):
    """A function of the caller's that the model may ask for."""

    type: Literal["function"] = Field(description="Only functions.")
    function: FunctionDefinition = Field(description="The function.")


class FunctionName(Contract):
    """Which function."""

    name: str = Field(description="The function.")


class FunctionChoice(Contract):
    """The function that must be called."""

    type: Literal["function"] = Field(description="Only functions.")
    function: FunctionName = Field(description="Which.")


class JsonSchemaFormat(Contract):
    """The schema an answer follows."""

    name: str = Field(max_length=64, description="Ignored.")
    description: str | None = Field(default=None, description="Ignored.")
    schema_: dict[str, JsonValue] = Field(alias="schema", description="JSON schema of the answer.")
    strict: bool | None = Field(default=None, description="Ignored: the answer always follows the schema.")


class ResponseFormat(Contract):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"] = Field(description="What the answer is.")
    json_schema: JsonSchemaFormat | None = Field(default=None, description="With type json_schema: which.")


class StreamOptions(Contract):
    """What a stream tells."""

    include_usage: bool = Field(default=False, description="One last chunk with the usage.")
    include_obfuscation: bool | None = Field(default=None, description=_IGNORED)


class _CompletionOptions(Contract):
    model: str = Field(max_length=128, description="hermes, phi3, or hermes:ADAPTER; see /v1/models.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 is greedy; null: the model's default.")
    top_p: float | None = Field(default=None, ge=0, le=1, description="Nucleus sampling.")
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63, description="Same seed, same answer.")
    stop: _Stop | Annotated[tuple[_Stop, ...], Field(max_length=4)] | None = Field(
        default=None, description="Texts that end the answer; not part of it."
    )
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES, description="Answers to each prompt; default 1.")
    stream: bool | None = Field(default=None, description="Answer with Server-Sent Events while the model writes.")
    stream_options: StreamOptions | None = Field(default=None, description="What the stream tells.")
    frequency_penalty: _Zero | None = Field(default=None, description="Only 0.")
    presence_penalty: _Zero | None = Field(default=None, description="Only 0.")
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = Field(default=None, description="Only {}.")
    user: str | None = Field(default=None, description=_IGNORED)


class ChatCompletionBody(_CompletionOptions):
    """Body of POST /v1/chat/completions."""

    messages: tuple[ChatCompletionMessage, ...] = Field(min_length=1, max_length=256, description="The conversation.")
    max_completion_tokens: int | None = Field(
        default=None, ge=1, le=MAX_TOKENS, description="Tokens of each answer at most; null: what the context allows."
    )
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS, description="The older name of the same.")
    logprobs: bool | None = Field(default=None, description="Tell the log probability of every token.")
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="The same, and of this many likely tokens in its place."
    )
    response_format: ResponseFormat | None = Field(default=None, description="The form of the answer.")
    tools: Annotated[tuple[FunctionTool, ...], Field(max_length=32)] | None = Field(
        default=None, description="Functions the model may ask for."
    )
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | None = Field(
        default=None, description="Whether it must ask for one, and which."
    )
    parallel_tool_calls: bool | None = Field(default=None, description="Ignored: an answer is one call at most.")
    metadata: dict[str, Any] | None = Field(default=None, description=_IGNORED)
    store: bool | None = Field(default=None, description=_IGNORED)
    service_tier: str | None = Field(default=None, description=_IGNORED)
    safety_identifier: str | None = Field(default=None, description=_IGNORED)
    prompt_cache_key: str | None = Field(default=None, description=_IGNORED)


class CompletionBody(_CompletionOptions):
    """Body of POST /v1/completions: the prompt goes to the model as it is, without a chat template."""

    prompt: _Text | Annotated[tuple[_Text, ...], Field(min_length=1, max_length=MAX_CHOICES)] = Field(
        description="One prompt, or several."
    )
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS, description="Tokens of each answer; default 16.")
    logprobs: int | None = Field(default=None, ge=0, le=5, description="Tell log probabilities, and this many others.")
    echo: Literal[False] | None = Field(default=None, description="Only false.")
    best_of: Annotated[int, Field(ge=1, le=1)] | None = Field(default=None, description="Only 1.")
    suffix: None = Field(default=None, description="Only null.")


class SpeechBody(Contract):
    """Body of POST /v1/audio/speech."""

    model: str = Field(min_length=1, max_length=100, description="tts, or tts-1, tts-1-hd, gpt-4o-mini-tts: the same.")
    input: str = Field(
        min_length=1, max_length=MAX_SPEECH_CHARACTERS, pattern=r"\S", description="1 to 5,000 characters, not blank."
    )
    voice: str = Field(
        default="alloy",
        min_length=1,
        max_length=100,
        description="A voice of the desk's engine; a name of OpenAI's stands for the engine's own.",
    )
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = Field(
        default="mp3", description="pcm: 24 kHz, 16 bit, little-endian, mono, as long as the engine speaks at 24 kHz."
    )
    speed: float = Field(default=1.0, ge=0.5, le=2, description="1 is the voice's own pace, 2 twice as fast.")
    instructions: str | None = Field(default=None, max_length=MAX_PROMPT_CHARACTERS, description=_IGNORED)
    stream_format: Literal["audio"] = Field(default="audio", description="Only audio: the file as it is made.")


class PromptTokensDetails(Contract):
    """Of the prompt's tokens."""

    cached_tokens: int = Field(ge=0, description="Known from earlier prompts.")


class CompletionUsage(Contract):
    """What the answers took."""

    prompt_tokens: int = Field(ge=0, description="Tokens of the prompts.")
    completion_tokens: int = Field(ge=0, description="Tokens generated.")
    total_tokens: int = Field(ge=0, description="Both.")
    prompt_tokens_details: PromptTokensDetails = Field(description="Of the prompts.")


class TopLogprob(Contract):
    """A token, and how likely it was."""

    token: str = Field(description="Its text.")
    bytes: tuple[int, ...] = Field(description="Its text in UTF-8.")
    logprob: float = Field(description="Natural logarithm of its probability.")


class ChatLogprob(TopLogprob):
    """A token of the answer."""

    top_logprobs: tuple[TopLogprob, ...] = Field(description="The likeliest in its place.")


class ChatLogprobs(Contract):
    """Of every token."""

    content: tuple[ChatLogprob, ...] = Field(description="In order.")
    refusal: None = None


class AssistantMessage(Contract):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str | None = Field(description="The text; null for a call.")
    refusal: None = None
    tool_calls: tuple[FunctionToolCall, ...] | None = Field(default=None, description="What it asks for.")


class ChatChoice(Contract):
    """One answer."""

    index: int = Field(ge=0, description="Which.")
    message: AssistantMessage = Field(description="The answer.")
    logprobs: ChatLogprobs | None = Field(description="When they were asked for.")
    finish_reason: Literal["stop", "length", "tool_calls"] = Field(description="Why it ended.")


class ChatCompletion(Contract):
    """Answer of POST /v1/chat/completions."""

    id: str = Field(description="Names the call; also the correlation id on the streams.")
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="Who answered.")
    system_fingerprint: str = Field(description="Which version of it.")
    choices: tuple[ChatChoice, ...] = Field(description="The answers.")
    usage: CompletionUsage = Field(description="What they took.")


class DeltaToolCall(FunctionToolCall):
    """A call, as a stream tells it."""

    index: int = Field(ge=0, description="Which call of the answer.")


class Delta(Contract):
    """What a chunk adds."""

    role: Literal["assistant"] | None = Field(default=None, description="In the first.")
    content: str | None = Field(default=None, description="More text.")
    tool_calls: tuple[DeltaToolCall, ...] | None = Field(default=None, description="A whole call.")


class ChunkChoice(Contract):
    """More of one answer."""

    index: int = Field(ge=0, description="Which.")
    delta: Delta = Field(description="What it adds.")
    logprobs: ChatLogprobs | None = Field(default=None, description="Of its tokens.")
    finish_reason: Literal["stop", "length", "tool_calls"] | None = Field(default=None, description="In the last.")


class ChatCompletionChunk(Contract):
    """An event of a streamed POST /v1/chat/completions."""

    id: str = Field(description="Names the call.")
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="Who answers.")
    choices: tuple[ChunkChoice, ...] = Field(description="None in the last, which tells the usage.")
    usage: CompletionUsage | None = Field(default=None, description="In the last, when it was asked for.")


class TextLogprobs(Contract):
    """Of every token."""

    tokens: tuple[str, ...] = Field(description="Their texts.")
    token_logprobs: tuple[float, ...] = Field(description="How likely each was.")
    top_logprobs: tuple[dict[str, float], ...] = Field(description="The likeliest in its place.")
    text_offset: tuple[int, ...] = Field(description="Where each begins in the text.")


class TextChoice(Contract):
    """One answer, or more of it."""

    index: int = Field(ge=0, description="Which.")
    text: str = Field(description="The text.")
    logprobs: TextLogprobs | None = Field(default=None, description="When they were asked for.")
    finish_reason: Literal["stop", "length"] | None = Field(default=None, description="Why it ended.")


class Completion(Contract):
    """Answer of POST /v1/completions, and each event of a streamed one."""

    id: str = Field(description="Names the call.")
    object: Literal["text_completion"] = "text_completion"
    created: int = Field(description="Unix seconds.")
    model: str = Field(description="Who answered.")
    choices: tuple[TextChoice, ...] = Field(description="The answers.")
    usage: CompletionUsage | None = Field(default=None, description="What they took.")


class ModelCard(Contract):
    """A model that answers."""

    id: str = Field(description="Its name.")
    object: Literal["model"] = "model"
    created: int = Field(description="Unix seconds: when the service that holds it started.")
    owned_by: Literal["osiris"] = "osiris"
    version: str = Field(description="Which version is loaded.")


class ModelList(Contract):
    """Answer of GET /v1/models."""

    object: Literal["list"] = "list"
    data: tuple[ModelCard, ...] = Field(description="The models.")


class OpenAIErrorFacts(Contract):
    """What went wrong."""

    message: str = Field(description="What was expected, what came, what to do.")
    type: str = Field(description="invalid_request_error, rate_limit_error or server_error.")
    param: str | None = Field(description="The field it is about.")
    code: str | None = Field(description="The kind of problem, for programs.")


class OpenAIError(Contract):
    """An error body of /v1."""

    error: OpenAIErrorFacts = Field(description="What went wrong.")
