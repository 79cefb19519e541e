"""What a run asks its shell to do."""

from dataclasses import dataclass
from uuid import UUID

from osiris_contracts import BarRange, GenerateRequest, Proposal


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is due.

    Attributes:
        run_id: its id, also the transaction id of its proposal.
        symbol: the instrument.
        bars: what it looks at.
        situation: the summary of market and book.
        request_id: message id of the request to phi3.
        request: the request to phi3.
    """

    run_id: UUID
    symbol: str
    bars: BarRange
    situation: str
    request_id: UUID
    request: GenerateRequest


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
