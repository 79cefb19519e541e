"""What the desk decides, and what it holds."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from osiris_contracts._base import Contract, Price, Score, Symbol
from osiris_contracts.market import BarRange, Order
from osiris_contracts.proposal import GateVerdict, Proposal


class PositionView(Contract):
    """The position in one symbol."""

    quantity: float = Field(description="Units; negative when short, 0 when flat.")
    average_cost: float = Field(ge=0, description="Average entry price, quote currency; 0 when flat.")
    stop_price: Price | None = Field(default=None, description="Protective stop, quote currency.")
    target_price: Price | None = Field(default=None, description="Target, quote currency.")


class BookView(Contract):
    """The paper book, marked at the last close."""

    cash: float = Field(description="Cash, quote currency.")
    nav: float = Field(description="Net asset value: cash plus positions at market, quote currency.")
    realised_pnl: float = Field(description="Gains taken less losses and fees, quote currency.")
    daily_pnl: float = Field(description="NAV now less NAV at the start of the UTC day, quote currency.")
    fees: float = Field(ge=0, description="Commissions paid so far, quote currency.")
    position: PositionView = Field(description="The position in the run's symbol.")


class Critique(Contract):
    """What hermes says of a proposal."""

    text: str = Field(description="Plain English.")
    score: Score | None = Field(description="0 to 10; null when the text holds none.")
    model_version: str = Field(description="The hermes version.")


class Decision(Contract):
    """One run of the desk. Equal bars, seed and policy give equal bytes: it holds no wall-clock time."""

    run_id: UUID = Field(description="Names the run; also the transaction id of its proposal.")
    sequence: int = Field(ge=1, description="1, 2, 3, … over the life of the book.")
    symbol: Symbol = Field(description="The instrument.")
    status: Literal["accepted", "passed", "rejected", "failed"] = Field(
        description="accepted: acted on; passed: nothing to do; rejected: by the gate; failed: a model did not answer."
    )
    bars: BarRange = Field(description="What the run looked at.")
    proposal: Proposal | None = Field(
        default=None, description="What was judged: phi3's proposal, as the policy changed it; null when there is none."
    )
    phi3_version: str | None = Field(
        default=None, description="The phi3 version that proposed; null when the policy decided alone."
    )
    verdict: GateVerdict | None = Field(default=None, description="What the gate said; null when phi3 failed.")
    critique: Critique | None = Field(default=None, description="What hermes said; null when not asked or failed.")
    order: Order | None = Field(default=None, description="The order sent; null for none.")
    error: str | None = Field(default=None, description="Why the run, or its critique, failed.")
    book: BookView = Field(description="The book when the run decided, before its order filled.")
    policy_version: str = Field(description="The version of the policy that decided.")
