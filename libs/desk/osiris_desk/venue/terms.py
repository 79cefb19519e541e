"""What trading costs."""

import math
from dataclasses import dataclass

from osiris_contracts import Side
from osiris_desk.market.bars import Bar


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of the venue.

    Attributes:
        commission_rate: of the notional, >= 0.
        slippage_impact: how far an order for the whole volume of a bar moves its price, as a fraction, >= 0.
        starting_cash: quote currency.

    Raises:
        ValueError: a number out of its range.
    """

    commission_rate: float = 0.001
    slippage_impact: float = 0.1
    starting_cash: float = 100_000.0

    def __post_init__(self) -> None:
        for name in ("commission_rate", "slippage_impact", "starting_cash"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"expected {name} finite and at least 0, was {value}")

    def price(self, side: Side, quantity: float, bar: Bar) -> float | None:
        """open × (1 ± slippage_impact × quantity / volume); None where that is no price."""
        move = self.slippage_impact * quantity / bar.volume
        price = bar.open * (1 + move if side == "BUY" else 1 - move)
        return price if 0 < price < math.inf else None

    def fee(self, quantity: float, price: float) -> float:
        """Commission on a trade, quote currency."""
        return self.commission_rate * quantity * price
