"""Which policy decides, and what came of its decisions."""

from typing import Annotated, Literal

from pydantic import Field

from osiris_contracts._base import Contract, UtcTime
from osiris_contracts.desk import Decision
from osiris_contracts.feedback import ProposalOutcome

PolicyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""A version of the policy: the first 16 hex digits of the SHA-256 of its code."""


class PolicyVersion(Contract):
    """The store points to another policy. The pointer in the store says which; this says that it is time to look."""

    version: PolicyId = Field(description="The version.")
    stage: Literal["canary", "current"] = Field(
        description="canary: it decides one run in ten, or, named again as current, no more; current: all others."
    )
    reason: str = Field(min_length=1, max_length=500, description="Why: promoted, rolled back, and by what.")
    changed_at: UtcTime = Field(description="When, UTC.")


class Trace(Contract):
    """A decision with what came of it. It follows from bars and fills: no wall-clock time."""

    decision: Decision = Field(description="What was decided, and by which policy.")
    outcome: ProposalOutcome = Field(description="What the market made of it.")
