"""Profit and loss of trades, by average cost. Equity is conserved: total = cash flow + what is held at its marks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from osiris_azr_planner.trade.sizing import multiplier
from osiris_contracts import LedgerPosition, LedgerView

_DIGITS = 10  # units are kept to 1e-10, so that 0.3 - 0.1 - 0.2 is flat


@dataclass(slots=True)
class Holding:
    """What is held of one instrument, quote currency; money is in contracts × points until it is told."""

    quantity: float = 0.0
    average_cost: float = 0.0
    mark: float = 0.0
    realised: float = 0.0

    @property
    def unrealised(self) -> float:
        """Gain if it were closed at its mark."""
        return self.quantity * (self.mark - self.average_cost)

    def fill(self, quantity: float, price: float) -> None:
        """Buy, or sell (negative) at `price`, which is its mark from now on."""
        held = self.quantity
        closed = min(abs(quantity), abs(held)) if quantity * held < 0 else 0.0
        self.realised += math.copysign(closed, held) * (price - self.average_cost)
        self.quantity = round(held + quantity, _DIGITS) + 0.0  # no negative zero
        if self.quantity == 0:
            self.average_cost = 0.0
        elif self.quantity * held <= 0:  # opened, or turned
            self.average_cost = price
        elif abs(self.quantity) > abs(held):
            self.average_cost = (held * self.average_cost + quantity * price) / self.quantity
        self.mark = price


@dataclass(slots=True)
class Ledger:
    """Trades of several instruments, booked as they come."""

    holdings: dict[str, Holding] = field(default_factory=dict)
    fees: float = 0.0

    def fill(self, instrument: str, quantity: float, price: float, fee: float = 0.0) -> None:
        """Book a trade.

        Args:
            quantity: units bought; negative: sold.
            price: > 0, quote currency.
            fee: commission, quote currency.
        """
        self.holdings.setdefault(instrument, Holding()).fill(quantity, price)
        self.fees += fee

    def mark(self, prices: Mapping[str, float]) -> None:
        """Value what is held at `prices`; an instrument that is missing keeps its last mark."""
        for instrument, holding in self.holdings.items():
            holding.mark = prices.get(instrument, holding.mark)

    def view(self) -> LedgerView:
        """What is held and what it made, quote currency."""
        positions = {
            instrument: LedgerPosition(
                quantity=holding.quantity,
                average_cost=holding.average_cost,
                mark=holding.mark,
                multiplier=multiplier(instrument),
                realised=holding.realised * multiplier(instrument),
                unrealised=holding.unrealised * multiplier(instrument),
            )
            for instrument, holding in self.holdings.items()
        }
        realised = math.fsum(each.realised for each in positions.values())
        unrealised = math.fsum(each.unrealised for each in positions.values())
        return LedgerView(
            positions=positions,
            realised=realised,
            unrealised=unrealised,
            fees=self.fees,
            total=realised + unrealised - self.fees,
        )
