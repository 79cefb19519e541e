"""What the planner computes for whoever asks: indicators, Kelly's fraction, a ledger of trades."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from osiris_contracts._base import Contract, Symbol
from osiris_contracts.planning import LEAST_BARS, MOST_POINTS, Money, PriceBar, Units

Quantity = Annotated[float, Field(ge=-1e9, le=1e9)]


class EmaBody(Contract):
    """Body of POST /azr_api/v1/indicators/ema."""

    values: tuple[Units, ...] = Field(min_length=1, max_length=MOST_POINTS, description="Oldest first.")
    period: int = Field(default=14, ge=1, le=MOST_POINTS, description="N; the newest value weighs 2 / (N + 1).")


class AtrBody(Contract):
    """Body of POST /azr_api/v1/indicators/atr."""

    bars: tuple[PriceBar, ...] = Field(
        min_length=2, max_length=MOST_POINTS, description="Oldest first, at least one more than the period."
    )
    period: int = Field(default=LEAST_BARS - 1, ge=1, le=MOST_POINTS, description="Bars of the first average.")

    @model_validator(mode="after")
    def _bars_are_enough(self) -> Self:
        if len(self.bars) <= self.period:
            raise ValueError(f"expected at least period + 1 = {self.period + 1} bars, got {len(self.bars)}")
        return self


class Series(Contract):
    """Values of an indicator, oldest first."""

    values: tuple[float, ...] = Field(description="Of the average true range the first belongs to bar period + 1.")


class KellyBody(Contract):
    """Body of POST /azr_api/v1/kelly."""

    win_probability: float = Field(ge=0, le=1, description="Of a trade to win, 0 to 1.")
    payoff_ratio: float = Field(ge=1e-9, le=1e9, description="What a win brings over what a loss costs, > 0.")


class KellyFraction(Contract):
    """Answer of POST /azr_api/v1/kelly."""

    fraction: float = Field(ge=0, le=1, description="Share of equity to put at stake; 0 where the odds are bad.")


class LedgerFill(Contract):
    """One trade."""

    instrument: Symbol = Field(description="The instrument.")
    quantity: Quantity = Field(description="Units bought; negative: sold.")
    price: Money = Field(description="Quote currency.")
    fee: float = Field(default=0.0, ge=0, le=1e9, description="Commission, quote currency.")


class LedgerBody(Contract):
    """Body of POST /azr_api/v1/ledger."""

    fills: tuple[LedgerFill, ...] = Field(max_length=MOST_POINTS, description="In the order in which they happened.")
    marks: dict[Symbol, Money] = Field(
        default_factory=dict,
        max_length=1_000,
        description="Prices now; an instrument without one keeps its last, the price of its last fill.",
    )


class LedgerPosition(Contract):
    """What is held of one instrument, and what it made."""

    quantity: float = Field(description="Units; negative when short.")
    average_cost: float = Field(ge=0, description="Average entry price, quote currency; 0 when flat.")
    mark: float = Field(description="Price it is valued at, quote currency.")
    multiplier: float = Field(gt=0, description="What a point of its price is worth, quote currency.")
    realised: float = Field(description="Gains taken, before fees, quote currency.")
    unrealised: float = Field(description="Gain if it were closed at its mark, quote currency.")


class LedgerView(Contract):
    """Answer of POST /azr_api/v1/ledger."""

    positions: dict[Symbol, LedgerPosition] = Field(description="By instrument, flat ones included.")
    realised: float = Field(description="Gains taken, before fees, quote currency.")
    unrealised: float = Field(description="Gains if all were closed at their marks, quote currency.")
    fees: float = Field(ge=0, description="Commissions, quote currency.")
    total: float = Field(description="realised + unrealised - fees, quote currency.")
