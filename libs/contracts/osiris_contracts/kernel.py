"""What the Darwin-Goedel kernel may change in a policy, what it is advised to try, and what came of it."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from osiris_contracts._base import Contract

PolicyPart = Literal["entry", "exit", "size", "stop", "target", "prompt", "critique", "gate"]
"""What of a policy changes: one of its decisions, a text for a model (phi3's prompt, hermes' critique), or its gate."""

ChangeKind = Literal["constant", "operator", "guard", "feature", "rewrite", "crossover"]
"""How: a number moved within its bounds, an operator turned, a condition added or dropped, a feature put in another's
place, the part written anew by hermes, or taken over from another version."""

_DECISIONS: tuple[PolicyPart, ...] = ("entry", "exit", "size", "stop", "target")
_TEXTS: tuple[PolicyPart, ...] = ("prompt", "critique")
CHANGES: tuple[tuple[PolicyPart, ChangeKind], ...] = (
    *((part, kind) for part in _DECISIONS for kind in get_args(ChangeKind)),
    *((part, kind) for part in _TEXTS for kind in ("rewrite", "crossover")),
    ("gate", "constant"),
    ("gate", "crossover"),
)
"""What can be done to what: a gate's thresholds are numbers."""

Regime = Literal["trend", "reversion", "clusters", "jumps"]
"""How a synthetic market moves: one way for a while, back to its mean, in bursts of volatility, or with gaps."""

SCENARIO_LEVELS = 5

Version = Annotated[str, Field(min_length=1, max_length=128)]
"""A version of the policy, by its content address."""


class Scenario(Contract):
    """A synthetic market; equal scenarios give equal bars."""

    regime: Regime = Field(description="How it moves.")
    level: int = Field(ge=0, lt=SCENARIO_LEVELS, description="How hard: 0 (the signal is clear) to 4 (mostly noise).")
    seed: int = Field(ge=0, lt=2**53, description="Of its randomness.")


class PatchTask(Contract):
    """One thing to try on a policy."""

    part: PolicyPart = Field(description="What to change.")
    kind: ChangeKind = Field(description="How to change it.")
    scenario: Scenario | None = Field(
        default=None, description="A market to try it on, where today's policy wins about half the time; null: none."
    )


class DgmOutcome(Contract):
    """What came of one candidate. Its message id names the candidate, so that one told twice counts once."""

    candidate: Version = Field(description="The version that was tried.")
    parent: Version = Field(description="The version it was made from, with which it was compared.")
    part: PolicyPart = Field(description="What of it was changed.")
    kind: ChangeKind = Field(description="How it was changed.")
    accepted: bool = Field(description="Whether it passed every stage of its verification.")
    reward: float = Field(
        ge=0, le=1, description="Share of the stages of its verification that it passed; 1 when it was accepted."
    )
    failed_at: str | None = Field(
        default=None, max_length=64, description="The stage that it did not pass; null when it was accepted."
    )
    gain: float | None = Field(
        default=None, description="Mean paired difference to its parent on validation; null when it never came so far."
    )
    scenario: Scenario | None = Field(
        default=None, description="The synthetic market on which today's policy was tried, if any."
    )
    episodes: int = Field(default=0, ge=0, le=10_000, description="How often it was tried on it.")
    wins: int = Field(default=0, ge=0, description="How often it ended with a gain after fees.")

    @model_validator(mode="after")
    def _tells_one_story(self) -> Self:
        if self.accepted != (self.failed_at is None) or self.accepted != (self.reward == 1):
            raise ValueError("expected reward 1 and failed_at null when accepted, else less than 1 and the stage")
        if (self.scenario is None) != (self.episodes == 0):
            raise ValueError("expected episodes of a scenario, and none without")
        if self.wins > self.episodes:
            raise ValueError(f"expected at most as many wins as episodes, {self.episodes}, was {self.wins}")
        return self
