"""The trade proposal, and what is said of it."""

from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from osiris_contracts._base import Contract, Percent, Score, Symbol, UtcTime
from osiris_contracts.market import BarRange

Action = Literal["adjust", "pass", "abort"]
PositionSide = Literal["LONG", "SHORT"]
Origin = Literal["gateway", "orchestrator"]


# what the validator below checks, for readers of the JSON Schema
_SIDE_BELONGS_TO_ADJUST: dict[str, JsonValue] = {
    "if": {"properties": {"action": {"const": "adjust"}}},
    "then": {"properties": {"side": {"enum": ["LONG", "SHORT"]}}, "required": ["side"]},
    "else": {"properties": {"side": {"type": "null"}}},
}


class Proposal(Contract):
    """What phi3 proposes for one instrument.

    `adjust`: hold a position on `side` with this stop and target. `pass`: leave everything. `abort`: be flat.
    """

    model_config = ConfigDict(json_schema_extra=_SIDE_BELONGS_TO_ADJUST)

    ticker: Symbol = Field(description="The instrument.")
    action: Action = Field(description="adjust, pass or abort.")
    side: PositionSide | None = Field(default=None, description="LONG or SHORT; null when action is not adjust.")
    new_stop_pct: Percent | None = Field(
        default=None, description="Distance of the stop from the last close, 0 to 100 percent; null for none."
    )
    new_target_pct: Percent | None = Field(
        default=None,
        description="Distance of the target from the last close, 0 to 100 percent; null for none.",
    )
    confidence: float = Field(ge=0, le=1, description="0 (none) to 1 (certain).")
    rationale: str = Field(min_length=1, max_length=240, description="Why, at most 240 characters.")

    @model_validator(mode="after")
    def _side_belongs_to_adjust(self) -> Self:
        if self.action == "adjust" and self.side is None:
            raise ValueError("expected side LONG or SHORT when action is adjust, was null")
        if self.action != "adjust" and self.side is not None:
            raise ValueError(f"expected side null when action is {self.action}, was {self.side}")
        return self


class GateVerdict(Contract):
    """What the risk gate says of a proposal."""

    accepted: bool = Field(description="Whether the proposal may go on.")
    reasons: tuple[str, ...] = Field(default=(), description="Why not; empty when accepted.")


class FewShot(Contract):
    """Which corrections of its owner phi3 was shown before the prompt, so that answers with and without compare."""

    arm: Literal["off", "on"] = Field(
        description="on: the nearest corrections were looked for; off: none, by setting or by the A/B split."
    )
    corrections: tuple[UUID, ...] = Field(
        default=(), max_length=16, description="Their feedback ids, in the order shown; none when none fits."
    )


class ProposalCreated(Contract):
    """A proposal was made."""

    transaction_id: UUID = Field(description="Names the proposal from here on; the run id when the desk made it.")
    created_at: UtcTime = Field(description="When, UTC.")
    origin: Origin = Field(description="Who asked for it.")
    prompt: str = Field(description="The prompt phi3 answered.")
    proposal: Proposal = Field(description="The proposal.")
    model_version: str = Field(description="The phi3 version that wrote it.")
    few_shot: FewShot | None = Field(
        default=None, description="The corrections it was shown; null when phi3 looked for none."
    )
    bars: BarRange | None = Field(default=None, description="The bars the desk looked at; null when somebody asked.")
    verdict: GateVerdict | None = Field(
        default=None, description="What the desk's gate said; null when nobody asked it."
    )


class ProposalAssessed(Contract):
    """A proposal was critiqued."""

    transaction_id: UUID = Field(description="The proposal.")
    assessed_at: UtcTime = Field(description="When, UTC.")
    origin: Origin = Field(description="Who asked for it.")
    prompt: str = Field(description="The prompt phi3 answered.")
    proposal: Proposal = Field(description="The proposal that was critiqued.")
    assessment: str = Field(description="The critique, plain English.")
    score: Score | None = Field(description="0 (bad) to 10 (good); null when the critique holds none.")
    model_version: str = Field(description="The hermes version that wrote it.")
