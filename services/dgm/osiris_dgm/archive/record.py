"""What the archive knows of a version."""

from pydantic import BaseModel, ConfigDict, Field

from osiris_contracts import ChangeKind, PatchTask, PolicyId, PolicyPart


class Proof(BaseModel):
    """`proofable_reward`: what was measured on validation bars, and whether it holds."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    bars_sha256: str = Field(description="Of all the bars.")
    seed: int = Field(description="Of resampling and shuffling.")
    score: float = Field(description="Sharpe ratio per bar on validation.")
    gain: float = Field(description="Mean paired difference to the parent per bar, validation.")
    gain_low: float = Field(description="Lower end of its 95 % stationary-bootstrap interval.")
    gain_high: float = Field(description="Upper end.")
    deflated_sharpe: float = Field(ge=0, le=1, description="Probability of skill, counting every trial.")
    trials: int = Field(ge=1, description="Trials ever run, this one included.")
    trial_variance: float = Field(ge=0, description="Variance of their Sharpe ratios.")
    control_gain_low: float | None = Field(default=None, description="As gain_low, on bars where nobody has an edge.")
    holdout_gain: float | None = Field(default=None, description="Mean paired difference on the sealed hold-out.")
    holdout_queries: int = Field(default=0, ge=0, description="Queries of the hold-out so far.")


class Record(BaseModel):
    """One try: where it came from, how far it got."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    number: int = Field(ge=0, description="0 for the root, then 1, 2, …")
    version: PolicyId = Field(description="The version.")
    parents: tuple[PolicyId, ...] = Field(default=(), description="What it was made from; the first is its parent.")
    task: PatchTask | None = Field(default=None, description="What was changed, and how; none for the root.")
    made_by: str = Field(description="The proposer.")
    passed: tuple[str, ...] = Field(default=(), description="Stages passed, in order.")
    failed_at: str | None = Field(default=None, description="The stage that it did not pass.")
    why: str | None = Field(default=None, max_length=500, description="Why not: what the next prompt is told.")
    score: float | None = Field(default=None, description="Sharpe ratio per bar on validation, once it came so far.")
    proof: Proof | None = Field(default=None, description="What was measured.")
    episodes: int = Field(default=0, ge=0, description="Tries of the policy of that day on the task's scenario.")
    wins: int = Field(default=0, ge=0, description="Of these, ended with a gain after fees.")

    @property
    def accepted(self) -> bool:
        """Whether every stage was passed."""
        return self.failed_at is None

    @property
    def change(self) -> tuple[PolicyPart, ChangeKind] | None:
        """What was changed, and how."""
        return (self.task.part, self.task.kind) if self.task else None
