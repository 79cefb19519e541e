"""What a run asks its shell to do."""

from uuid import UUID

from osiris_contracts import BarRange, GenerateRequest, Proposal
from osiris_desk.policy import Features
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.run_id import request_id
from osiris_desk.values import Value


class RunRequest(Value, frozen=True):
    """A run that is due.

    Attributes:
        run_id: its id, also the transaction id of its proposal.
        symbol: the instrument.
        bars: what it looks at.
        features: what its policy sees of market and book.
        policy: what decides.
        request: the request to phi3; None when the policy asks nothing.
        error: why the policy could not ask; None when it could.
    """

    run_id: UUID
    symbol: str
    bars: BarRange
    features: Features
    policy: LoadedPolicy
    request: GenerateRequest | None
    error: str | None

    @property
    def request_id(self) -> UUID:
        """Message id of the request to phi3."""
        return request_id(self.run_id, "phi3")


class CritiqueRequest(Value, frozen=True):
    """A proposal that the gate let through and hermes must see.

    Attributes:
        run_id: the run.
        proposal: the proposal.
        request: the request to hermes.
    """

    run_id: UUID
    proposal: Proposal
    request: GenerateRequest

    @property
    def request_id(self) -> UUID:
        """Message id of the request to hermes."""
        return request_id(self.run_id, "hermes")
