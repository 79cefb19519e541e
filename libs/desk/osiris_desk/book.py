"""The paper book: cash and positions, changed by fills, marked at closes. Immutable: every change is a new book."""

import math
from datetime import date
from functools import cached_property
from typing import Self

from msgspec import field

from osiris_contracts import BookView, Fill, Order, PositionView
from osiris_desk.tick import Tick
from osiris_desk.values import Value, changed

_DIGITS = 10  # units are kept to 1e-10, so that 0.3 - 0.1 - 0.2 is flat


class Position(Value, frozen=True):
    """The holding in one symbol.

    Attributes:
        quantity: units; negative when short.
        average_cost: average entry price, quote currency; 0 when flat.
        price: what it is marked at, quote currency.
        stop_price: level at which the venue closes it at a loss; None for none.
        target_price: level at which the venue closes it at a gain; None for none.
    """

    quantity: float = 0.0
    average_cost: float = 0.0
    price: float = 0.0
    stop_price: float | None = None
    target_price: float | None = None

    @property
    def unrealised_pnl(self) -> float:
        """Gain or loss if it were closed at its mark, before fees, quote currency."""
        return self.quantity * (self.price - self.average_cost)


_FLAT = Position()


class Book(Value, frozen=True, kw_only=True, dict=True):
    """What the desk owns.

    NAV = starting cash + realised P&L (fees taken off) + unrealised P&L, always.

    Attributes:
        cash: quote currency.
        realised_pnl: gains taken less losses and fees, quote currency.
        fees: commissions paid, quote currency.
        positions: by symbol; flat ones included.
        day: the UTC day of the latest bar; None before the first.
        day_nav: NAV when that day's first bar came, marked at the closes before it: a gap overnight counts.
    """

    cash: float
    realised_pnl: float = 0.0
    fees: float = 0.0
    positions: dict[str, Position] = field(default_factory=dict)
    day: date | None = None
    day_nav: float

    @classmethod
    def opened(cls, cash: float) -> Self:
        """A new book that holds only `cash`."""
        return cls(cash=float(cash), day_nav=float(cash))

    @cached_property
    def nav(self) -> float:
        """Net asset value: cash plus positions at their marks, quote currency."""
        return self.cash + math.fsum([position.quantity * position.price for position in self.positions.values()])

    @property
    def gross(self) -> float:
        """Value of all positions at their marks, short ones counted as if long, quote currency."""
        return math.fsum([abs(position.quantity) * position.price for position in self.positions.values()])

    @property
    def daily_pnl(self) -> float:
        """NAV now less NAV when the UTC day began, quote currency."""
        return self.nav - self.day_nav

    def position(self, symbol: str) -> Position:
        """The position in `symbol`; a flat one when there never was any."""
        return self.positions.get(symbol, _FLAT)

    def start_day(self, tick: Tick) -> Self:
        """The book as the day of `tick` begins; the same book when it began already."""
        today = tick.timestamp.date()
        if self.day is not None and today <= self.day:
            return self
        return changed(self, day=today, day_nav=self.nav)

    def mark(self, tick: Tick) -> Self:
        """The book with the position in the tick's symbol valued at its close."""
        return self._with(tick.symbol, changed(self.position(tick.symbol), price=tick.close))

    def apply(self, fill: Fill, order: Order | None = None) -> Self:
        """The book after `fill`.

        Args:
            fill: of an order, a protection, a stop or a target.
            order: what it fills, whose protection becomes the position's; None for a stop, a target, or an order
                of somebody else.
        """
        old = self.position(fill.symbol)
        change = 0.0 if fill.side is None else math.copysign(fill.quantity, 1 if fill.side == "BUY" else -1)
        quantity = round(old.quantity + change, _DIGITS) + 0.0  # no negative zero
        closed = min(abs(change), abs(old.quantity)) if change * old.quantity < 0 else 0.0
        gain = math.copysign(closed, old.quantity) * (fill.price - old.average_cost)
        stop_price, target_price = old.stop_price, old.target_price
        if quantity == 0 or quantity * old.quantity < 0 or fill.reason in ("stop", "target"):
            stop_price = target_price = None
        if quantity != 0 and order is not None:
            stop_price, target_price = order.stop_price, order.target_price
        position = Position(
            quantity=quantity,
            average_cost=_average_cost(old, change, quantity, fill.price),
            price=old.price or fill.price,
            stop_price=stop_price,
            target_price=target_price,
        )
        booked = changed(
            self,
            cash=self.cash - change * fill.price - fill.fee,
            realised_pnl=self.realised_pnl + gain - fill.fee,
            fees=self.fees + fill.fee,
        )
        return booked._with(fill.symbol, position)

    def view(self, symbol: str) -> BookView:
        """The book as a decision about `symbol` shows it."""
        position = self.position(symbol)
        return BookView(
            cash=self.cash,
            nav=self.nav,
            realised_pnl=self.realised_pnl,
            daily_pnl=self.daily_pnl,
            fees=self.fees,
            position=PositionView(
                quantity=position.quantity,
                average_cost=position.average_cost,
                stop_price=position.stop_price,
                target_price=position.target_price,
            ),
        )

    def _with(self, symbol: str, position: Position) -> Self:
        return changed(self, positions={**self.positions, symbol: position})


def _average_cost(old: Position, change: float, quantity: float, price: float) -> float:
    if quantity == 0:
        return 0.0
    if quantity * old.quantity <= 0:
        return price  # opened, or turned
    if abs(quantity) <= abs(old.quantity):
        return old.average_cost
    return (old.quantity * old.average_cost + change * price) / quantity
