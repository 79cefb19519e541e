"""Bodies of the gateway that are not messages as well."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from osiris_contracts._base import Contract, ModelId
from osiris_contracts.generation import MAX_PROMPT_CHARACTERS, MAX_TOKENS, SamplingOptions
from osiris_contracts.proposal import Proposal


class GenerateModelBody(SamplingOptions):
    """Body of POST /generate/hermes/ and POST /generate/phi3/."""

    prompt: str = Field(
        min_length=1,
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"\S",
        description="What the model is asked, 1 to 100,000 characters, not blank.",
    )
    max_length: int = Field(default=256, ge=1, le=MAX_TOKENS, description="Tokens to generate at most, 1 to 4096.")
    stream: bool = Field(default=False, description="Answer with Server-Sent Events while the model writes.")


class GenerateBody(GenerateModelBody):
    """Body of POST /generate/."""

    model_id: ModelId = Field(default="hermes", description="hermes or phi3.")


class ProposeBody(Contract):
    """Body of POST /propose_trade_adjustments/."""

    prompt: str = Field(
        min_length=1,
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"\S",
        description="The situation: instrument, position, market, news.",
    )
    max_length: int = Field(default=256, ge=1, le=MAX_TOKENS, description="Tokens of the critique at most, 1 to 4096.")


class GeneratedText(Contract):
    """hermes' answer."""

    generated_text: str = Field(description="The text.")


class ProposedTrade(Contract):
    """Answer of POST /propose_trade_adjustments/."""

    transaction_id: UUID = Field(description="Quote it in POST /feedback/phi3/.")
    phi3_proposal: Proposal = Field(description="What phi3 proposes.")
    hermes_assessment: str = Field(description="What hermes says of it.")


class FeedbackReceipt(Contract):
    """Answer of POST /feedback/phi3/."""

    message: str = Field(description="What happened.")
    transaction_id: UUID = Field(description="The proposal.")


class Health(Contract):
    """Answer of GET /health."""

    status: Literal["ok", "partial_error", "error"] = Field(
        description="ok: both models answer; partial_error: one of them; error: none."
    )
    hermes_loaded: bool = Field(description="Whether a hermes can answer.")
    phi3_loaded: bool = Field(description="Whether a phi3 can answer.")
    phi3_model_file_exists: bool = Field(description="Whether phi3's model file is on disk.")
    device: str = Field(description="Where the models run: cpu, cuda or unknown.")
    phi3_model_version: str | None = Field(description="The phi3 version that answers now.")
    mean_hermes_score_last_24h: float | None = Field(
        ge=0, le=10, description="Mean score of the critiques of the last 24 hours; null when there is none."
    )
    num_hermes_scores_last_24h: int = Field(ge=0, description="How many scores that mean is over.")


class FieldProblem(Contract):
    """One field that was refused."""

    field: str = Field(description="Path of the field.")
    message: str = Field(description="What was expected, and what came.")


class Problem(Contract):
    """An error body, RFC 9457 (application/problem+json)."""

    type: str = Field(default="about:blank", description="A URI that names the kind of problem.")
    title: str = Field(description="The kind of problem, in words.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What was expected, what came, what to do.")
    instance: str | None = Field(default=None, description="The path it is about.")
    code: str = Field(description="The kind of problem, for programs.")
    errors: tuple[FieldProblem, ...] = Field(default=(), description="The fields that were refused.")
