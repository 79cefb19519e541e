"""Whether a candidate may be served, with every number and every reason."""

from pydantic import Field

from osiris_contracts import Contract
from osiris_inference.comparison import Interval


class Criteria(Contract):
    """What a candidate must keep."""

    win_rate: float = Field(default=0.5, description="The lower bound of its win rate is above this.")
    regression_margin: float = Field(
        default=0.02, description="Its mean agreement on the regression set is at most so much below, 0 to 1."
    )
    cost_margin: float = Field(default=0.05, description="It takes at most so much more time and memory, in parts.")


class Bounds(Contract):
    """An estimate and its interval of 95 %."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> "Bounds":
        """As a fact of the verdict."""
        return cls(estimate=interval.estimate, low=interval.low, high=interval.high)


class FieldCompared(Contract):
    """One field on the held-out corrections: mean agreement of both, and who was nearer how often."""

    name: str
    base: float
    candidate: float
    wins: int
    ties: int
    losses: int


class SetCompared(Contract):
    """One set of corrections.

    Attributes:
        base, candidate: mean agreement with the corrections, 0 to 1.
        preference_base, preference_candidate: the share of answers nearer to the correction than to what was
            corrected; null where nothing was.
        invalid_base, invalid_candidate: answers that were no proposal.
    """

    examples: int
    base: float
    candidate: float
    wins: int
    ties: int
    losses: int
    preference_base: float | None
    preference_candidate: float | None
    invalid_base: int
    invalid_candidate: int


class Cost(Contract):
    """What both take.

    Attributes:
        time_ratio: candidate to base on the same work, the median of the rounds; above 1 is slower.
        rounds: of the work, each by both.
        base_seconds, candidate_seconds: for the work, medians.
        base_bytes, candidate_bytes: of memory, loaded and warm.
    """

    time_ratio: Bounds
    rounds: int
    base_seconds: float
    candidate_seconds: float
    base_bytes: int
    candidate_bytes: int

    @property
    def memory_ratio(self) -> float:
        """Candidate to base; above 1 is more."""
        return self.candidate_bytes / self.base_bytes


class Verdict(Contract):
    """What the gate says of a candidate; `reasons` is why it is refused, empty when it is accepted."""

    base: str
    candidate: str
    accepted: bool
    reasons: tuple[str, ...]
    win_rate: Bounds
    held_out: SetCompared
    fields: tuple[FieldCompared, ...]
    regression: SetCompared
    cost: Cost
    criteria: Criteria
