"""What is said of a proposal afterwards: by its owner, and by the market."""

import math
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from osiris_contracts._base import Contract, Price, Symbol, UtcTime
from osiris_contracts.proposal import Proposal

FeedbackType = Literal["correction", "rating", "qualitative_comment"]

_THUMBS = {"up": 1.0, "down": -1.0}

# what the validators below check, for readers of the JSON Schema
_CONTENT_BELONGS_TO_TYPE: dict[str, JsonValue] = {
    "allOf": [
        {
            "if": {"properties": {"feedback_type": {"const": "correction"}}},
            "then": {"properties": {"corrected_proposal": {"type": "object"}}, "required": ["corrected_proposal"]},
        },
        {
            "if": {"properties": {"feedback_type": {"const": "rating"}}},
            "then": {
                "properties": {
                    "feedback_content": {
                        "anyOf": [{"type": "number", "minimum": -1, "maximum": 1}, {"enum": ["up", "down"]}]
                    }
                }
            },
        },
    ]
}


class FeedbackSubmission(Contract):
    """Body of POST /feedback/phi3/."""

    model_config = ConfigDict(json_schema_extra=_CONTENT_BELONGS_TO_TYPE)

    transaction_id: UUID = Field(description="The proposal it is about.")
    feedback_type: FeedbackType = Field(description="correction, rating or qualitative_comment.")
    feedback_content: JsonValue = Field(
        description="Of a rating a number from -1 (bad) to 1 (good), or up or down; else any JSON, such as a comment."
    )
    corrected_proposal: Proposal | None = Field(
        default=None, description="The proposal as it should have been; needed for a correction."
    )
    schema_version: Literal["1.0", "1.1"] = Field(
        default="1.0", description="1.0: what the owner said; 1.1: as it is stored, with what it is about."
    )

    @property
    def rating(self) -> float | None:
        """-1 (bad) to 1 (good); None when this is no rating."""
        return _rating(self.feedback_content) if self.feedback_type == "rating" else None

    @model_validator(mode="after")
    def _correction_corrects(self) -> Self:
        if self.feedback_type == "correction" and self.corrected_proposal is None:
            raise ValueError("expected corrected_proposal with a correction, was null")
        return self

    @model_validator(mode="after")
    def _rating_rates(self) -> Self:
        if self.feedback_type == "rating" and self.rating is None:
            raise ValueError(
                'expected feedback_content of a rating as a number from -1 to 1, or "up" or "down", '
                f"was {str(self.feedback_content)[:40]!r}"
            )
        return self


class Feedback(FeedbackSubmission):
    """A submission as the server took it, with what it is about."""

    feedback_id: UUID = Field(description="Names this feedback; stored once under it.")
    received_at: UtcTime = Field(description="Server time of receipt, UTC.")
    prompt: str | None = Field(
        default=None, description="The prompt phi3 answered; null when nobody knows it any more."
    )
    original_proposal: Proposal | None = Field(
        default=None, description="What phi3 proposed; null when it is not known any more."
    )


class RememberedProposal(Contract):
    """What the mesh keeps of a proposal for as long as feedback on it is taken."""

    prompt: str | None = Field(description="The prompt phi3 answered; null when it is too long to be kept.")
    proposal: Proposal = Field(description="What phi3 proposed.")


class ProposalOutcome(Contract):
    """What the market made of a proposal that the desk acted on. It follows from bars and fills: no wall-clock time."""

    transaction_id: UUID = Field(description="The proposal; also the run of the desk.")
    symbol: Symbol = Field(description="The instrument.")
    decided_at: UtcTime = Field(description="Timestamp of the last bar the decision looked at.")
    observed_at: UtcTime = Field(description="Timestamp of the bar with which its horizon passed.")
    horizon_bars: int = Field(ge=1, description="Bars of the symbol from the one to the other.")
    entry_close: Price = Field(description="Close of the first, quote currency.")
    exit_close: Price = Field(description="Close of the second, quote currency.")
    pnl: float = Field(
        description="Gain or loss of the desk's position in the symbol from the one close to the other, quote "
        "currency: what was filled in between at its price less fees, what is still held at the close."
    )
    fees: float = Field(ge=0, description="Commissions in it, quote currency.")
    return_pct: float = Field(description="The gain or loss in percent of NAV when the desk decided.")


def _rating(content: JsonValue) -> float | None:
    if isinstance(content, str):
        return _THUMBS.get(content)
    if isinstance(content, bool) or not isinstance(content, int | float):
        return None
    return float(content) if math.isfinite(content) and -1 <= content <= 1 else None
