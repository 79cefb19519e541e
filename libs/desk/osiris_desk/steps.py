"""What a run asks its shell to do."""

from dataclasses import dataclass
from uuid import UUID

from osiris_contracts import BarRange, GenerateRequest, Proposal
from osiris_desk.policy import Features
from osiris_desk.policy.loading import LoadedPolicy


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is due.

    Attributes:
        run_id: its id, also the transaction id of its proposal.
        symbol: the instrument.
        bars: what it looks at.
        features: what its policy sees of market and book.
        policy: what decides.
        request_id: message id of the request to phi3.
        request: the request to phi3; None when the policy asks nothing.
        error: why the policy could not ask; None when it could.
    """

    run_id: UUID
    symbol: str
    bars: BarRange
    features: Features
    policy: LoadedPolicy
    request_id: UUID
    request: GenerateRequest | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CritiqueRequest:
    """A proposal that the gate let through and hermes must see.

    Attributes:
        run_id: the run.
        proposal: the proposal.
        request_id: message id of the request to hermes.
        request: the request to hermes.
    """

    run_id: UUID
    proposal: Proposal
    request_id: UUID
    request: GenerateRequest
