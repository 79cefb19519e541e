"""Bars, orders and what the venue makes of them."""

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, TypeAdapter, model_validator

from osiris_contracts._base import QUIET, Contract, Price, Symbol, UtcTime


class MarketTick(Contract):
    """One bar of one symbol."""

    symbol: Symbol = Field(description="The instrument.")
    timestamp: UtcTime = Field(description="Start of the bar, UTC.")
    open: Price = Field(description="First price of the bar, > 0, quote currency.")
    high: Price = Field(description="Highest price of the bar, > 0, quote currency.")
    low: Price = Field(description="Lowest price of the bar, > 0, quote currency.")
    close: Price = Field(description="Last price of the bar, > 0, quote currency.")
    volume: float = Field(ge=0, description="Units traded in the bar, >= 0.")
    adj_close: Price | None = Field(
        default=None, description="Close adjusted for splits and dividends, > 0, quote currency."
    )

    @model_validator(mode="after")
    def _high_is_not_below_low(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"expected high >= low, was high {self.high} < low {self.low}")
        return self


Side = Literal["BUY", "SELL"]


class BarRange(Contract):
    """The bars a run looked at."""

    first: UtcTime = Field(description="Timestamp of the first bar.")
    last: UtcTime = Field(description="Timestamp of the last bar.")
    count: int = Field(ge=1, description="Bars in the range.")
    open: Price = Field(description="Open of the first bar, quote currency.")
    high: Price = Field(description="Highest high, quote currency.")
    low: Price = Field(description="Lowest low, quote currency.")
    close: Price = Field(description="Close of the last bar, quote currency.")


class Order(Contract):
    """A market order, a new protection for the open position, or both.

    With `side` and `quantity` it fills at the open of the first bar after `as_of`. Without them it only replaces
    the stop and target of the symbol's open position.
    """

    order_id: UUID = Field(description="Chosen by the sender; a second order with the same id has no effect.")
    symbol: Symbol = Field(description="The instrument.")
    side: Side | None = Field(default=None, description="BUY or SELL; null when only the protection changes.")
    quantity: float | None = Field(default=None, gt=0, description="Units, > 0; null when only the protection changes.")
    stop_price: Price | None = Field(
        default=None,
        description="Level that closes the position at a loss, > 0, quote currency; null for none.",
    )
    target_price: Price | None = Field(
        default=None,
        description="Level that closes the position at a gain, > 0, quote currency; null for none.",
    )
    reduce_only: bool = Field(
        default=False, description="Never opens or turns a position: at most what is held is closed, else refused."
    )
    as_of: UtcTime | None = Field(
        default=None,
        description="Timestamp of the last bar the sender had seen; null: the venue's latest bar on arrival.",
    )

    @model_validator(mode="after")
    def _side_and_quantity_come_together(self) -> Self:
        if (self.side is None) != (self.quantity is None):
            raise ValueError("expected side and quantity together, or neither (protection only)")
        return self


class Fill(Contract):
    """An execution at the venue."""

    kind: Literal["fill"] = Field(default="fill", description="Tells a fill from a rejection.")
    order_id: UUID = Field(description="The order, or for a stop or target the order that carried it.")
    symbol: Symbol = Field(description="The instrument.")
    side: Side | None = Field(description="BUY or SELL; null for a change of protection alone.")
    quantity: float = Field(ge=0, description="Units executed, >= 0; 0 for a change of protection alone.")
    price: Price = Field(description="Execution price, slippage included, > 0, quote currency.")
    fee: float = Field(ge=0, description="Commission, >= 0, quote currency.")
    timestamp: UtcTime = Field(description="Timestamp of the bar in which it executed.")
    reason: Literal["order", "protection", "stop", "target"] = Field(
        description="What executed: an order, a change of protection, a protective stop, or a target."
    )


class OrderRejection(Contract):
    """The venue's refusal of an order."""

    kind: Literal["rejection"] = Field(default="rejection", description="Tells a rejection from a fill.")
    order_id: UUID = Field(description="The refused order.")
    symbol: str = Field(max_length=64, description="The symbol as the order gave it.")
    reason: str = Field(min_length=1, max_length=500, description="What was expected and what came.")
    timestamp: UtcTime | None = Field(
        description="Timestamp of the bar at which it was refused; null before the first bar."
    )


Execution = Annotated[Fill | OrderRejection, Field(discriminator="kind")]
"""What `market.fills` carries."""

EXECUTION: TypeAdapter[Fill | OrderRejection] = TypeAdapter(Execution, config=QUIET)


def price_text(price: float) -> str:
    """A price for people and models: six significant digits, no exponent."""
    text = f"{price:.6g}"
    return f"{Decimal(text):f}" if "e" in text else text
