"""Round trips: from flat to flat, or through zero to the other side."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from osiris_contracts import Fill

_DIGITS = 10  # as the book keeps its units


@dataclass(frozen=True, slots=True)
class Trade:
    """One round trip.

    Attributes:
        side: LONG or SHORT.
        opened, closed: timestamps of the bars of its first and its last fill.
        quantity: units traded in, > 0.
        entry: average price of what was traded in, quote currency.
        exit: average price of what was traded out, quote currency.
        pnl: gain or loss after fees, quote currency.
        fees: of its fills, quote currency.
        reason: of its last fill: order, stop or target.
    """

    symbol: str
    side: Literal["LONG", "SHORT"]
    opened: datetime
    closed: datetime
    quantity: float
    entry: float
    exit: float
    pnl: float
    fees: float
    reason: str


@dataclass(slots=True)
class _Open:
    sign: int
    opened: datetime
    held: float = 0.0
    bought: float = 0.0
    paid: float = 0.0
    sold: float = 0.0
    taken: float = 0.0
    fees: float = 0.0

    def enter(self, quantity: float, price: float, fee: float) -> None:
        self.held = round(self.held + quantity, _DIGITS)
        self.bought += quantity
        self.paid += quantity * price
        self.fees += fee

    def leave(self, quantity: float, price: float, fee: float) -> None:
        self.held = round(self.held - quantity, _DIGITS)
        self.sold += quantity
        self.taken += quantity * price
        self.fees += fee

    def closed(self, fill: Fill) -> Trade:
        return Trade(
            symbol=fill.symbol,
            side="LONG" if self.sign > 0 else "SHORT",
            opened=self.opened,
            closed=fill.timestamp,
            quantity=self.bought,
            entry=self.paid / self.bought,
            exit=self.taken / self.sold,
            pnl=self.sign * (self.taken - self.paid) - self.fees,
            fees=self.fees,
            reason=fill.reason,
        )


def trades_of(fills: Iterable[Fill]) -> list[Trade]:
    """The round trips that `fills`, in order, completed; a fill through zero ends one and begins another."""
    trades: list[Trade] = []
    held: dict[str, _Open] = {}
    for fill in fills:
        if fill.side is None or fill.quantity == 0:
            continue
        sign, left = 1 if fill.side == "BUY" else -1, fill.quantity
        position = held.get(fill.symbol)
        if position and position.sign != sign:
            out = min(left, position.held)
            position.leave(out, fill.price, fill.fee * out / fill.quantity)
            left = round(left - out, _DIGITS)
            if position.held == 0:
                trades.append(position.closed(fill))
                del held[fill.symbol]
        if left > 0:
            position = held.setdefault(fill.symbol, _Open(sign, fill.timestamp))
            position.enter(left, fill.price, fill.fee * left / fill.quantity)
    return trades
