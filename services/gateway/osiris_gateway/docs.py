"""What the OpenAPI document says of the gateway."""

from litestar.openapi import OpenAPIConfig

from osiris_contracts import (
    DeskControlBody,
    DeskReceipt,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GeneratedText,
    GenerateModelBody,
    Health,
    Problem,
    Proposal,
    ProposeBody,
    ProposedTrade,
    SpeakBody,
)
from osiris_contracts.openai import (
    ChatCompletion,
    ChatCompletionBody,
    Completion,
    CompletionBody,
    ModelCard,
    ModelList,
    OpenAIError,
    SpeechBody,
)
from osiris_mesh.http import docs
from osiris_mesh.http.keys import Keys

_BODIES = (
    DeskControlBody,
    DeskReceipt,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateBody,
    GenerateModelBody,
    GeneratedText,
    Health,
    Problem,
    Proposal,
    ProposeBody,
    ProposedTrade,
    SpeakBody,
    ChatCompletion,
    ChatCompletionBody,
    Completion,
    CompletionBody,
    ModelCard,
    ModelList,
    OpenAIError,
    SpeechBody,
)


def openapi(keys: Keys) -> OpenAPIConfig:
    """The document and its page."""
    return docs.openapi(keys, title="Osiris", summary="The HTTP door of a private LLM trading desk.", bodies=_BODIES)
