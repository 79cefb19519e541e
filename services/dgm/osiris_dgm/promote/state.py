"""Where a promotion stands, as it lies on disk."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from osiris_contracts import PolicyId, PolicyVersion

Stage = Literal["idle", "shadow", "canary", "watch"]

KEPT = 2_000
"""Live rewards kept of a version."""


class State(BaseModel):
    """The state of the promoter. It is written after the store was changed, and each change can be made twice."""

    model_config = ConfigDict(frozen=True)

    stage: Stage = Field(default="idle", description="watch: it is current, and still compared.")
    version: PolicyId | None = Field(default=None, description="The one on its way.")
    parent: PolicyId | None = Field(default=None, description="The one it is compared with: current when it began.")
    since: datetime | None = Field(default=None, description="When the stage began, UTC.")
    settled: tuple[PolicyId, ...] = Field(default=(), description="Versions that have had their go.")
    promoted_at: datetime | None = Field(default=None, description="The last time one came before live runs, UTC.")
    rollbacks: int = Field(default=0, ge=0, description="In a row.")
    promoted: int = Field(default=0, ge=0, description="Versions that ever became current.")
    rolled_back: int = Field(default=0, ge=0, description="Versions that ever went back, from whichever stage.")
    untold: tuple[PolicyVersion, ...] = Field(default=(), description="Changes that nobody was told of yet.")
    rewards: dict[PolicyId, dict[str, float]] = Field(
        default={}, description="Live returns in percent of NAV, by version and run."
    )
