"""The venue: fills orders and executes protective stops and targets, in the time of the bars.

An order fills at the open of the first bar after the one its sender had seen (`as_of`), even when the replay is already
past it: the venue then plays the bars since for that order, and reports all that came of it. So the result does not
depend on how far the replay has run ahead of the trader.

What was reported stays. The venue's books only go forward: an order whose bar lies before an execution already
reported (a stop that was hit in a bar the sender has not seen yet) fills at the first bar at which it can still follow.

Within a bar: orders at its open, in the order in which they came; then the stop or target; a protection set at a bar's
open is in force from the bar after. While a bare change of protection waits for that, the old one holds.
"""

from typing import Any, Literal
from uuid import UUID

from msgspec import field

from osiris_contracts import Fill, Order, OrderRejection, Side
from osiris_desk.market.bars import Bar, Tape
from osiris_desk.values import Record, Value, from_plain, to_plain
from osiris_desk.venue.account import Account
from osiris_desk.venue.intake import InvalidOrder
from osiris_desk.venue.protection import Protection, closing_side, protect
from osiris_desk.venue.terms import Terms

Reason = Literal["order", "protection", "stop", "target"]

REMEMBERED = 2_000
"""Order ids kept, to know a second order with the same id."""

Event = tuple[int, Fill | OrderRejection]
"""The number of the bar, and what happened at it."""


class Waiting(Value, frozen=True):
    """An order that has not reached a bar at which it can fill; `first_bar` is the first that may do."""

    order: Order
    first_bar: int


class VenueState(Record):
    """All that the venue knows.

    Attributes:
        bar: number of the latest bar; -1 before the first.
        books_from: first bar at whose open an order may still execute.
        protection: in force.
        waiting: orders whose bar has not come.
        order_ids: the latest REMEMBERED ids, oldest first.
    """

    account: Account
    bar: int = -1
    books_from: int = 0
    protection: Protection | None = None
    waiting: list[Waiting] = field(default_factory=list)
    order_ids: dict[UUID, None] = field(default_factory=dict)


class Venue:
    """The venue of one symbol."""

    def __init__(self, symbol: str, tape: Tape, terms: Terms) -> None:
        self.symbol = symbol
        self._tape = tape
        self._terms = terms
        self._state = VenueState(account=Account(cash=terms.starting_cash))
        # set at the open of the bar that is being played, in force from the bar after
        self._coming: Protection | None = None

    @property
    def account(self) -> Account:
        """Cash and position as they are now."""
        return self._state.account

    @property
    def bar(self) -> int:
        """Number of the latest bar; -1 before the first."""
        return self._state.bar

    def snapshot(self) -> dict[str, Any]:
        """All that the venue knows, as plain JSON."""
        return to_plain(self._state)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot.

        Raises:
            ValueError: it is none.
        """
        self._state = from_plain(snapshot, VenueState)

    def play(self, last: int) -> list[Event]:
        """Play the bars up to number `last`; returns what happened, in order."""
        first, self._state.bar = self._state.bar + 1, last
        return self._run(first)

    def submit(self, order: Order) -> list[Event]:
        """Take an order; returns what came of it in bars already played, nothing for an id known before."""
        state = self._state
        if not self._is_new(order.order_id):
            return []
        seen = state.bar if order.as_of is None else self._tape.first_after(order.as_of) - 1
        if order.symbol != self.symbol:
            at = min(seen, state.bar)
            reason = f"expected symbol {self.symbol}, the only one traded here, got {order.symbol}"
            return [(at, self._reject(order.order_id, order.symbol, reason, at))]
        waiting = Waiting(order=order, first_bar=max(seen + 1, state.books_from))
        state.waiting.append(waiting)
        return self._run(waiting.first_bar)

    def refuse(self, invalid: InvalidOrder) -> list[Event]:
        """Answer an order that breaks the contract; nothing for an id known before."""
        if not self._is_new(invalid.order_id):
            return []
        at = self._state.bar
        return [(at, self._reject(invalid.order_id, invalid.symbol, invalid.reason, at))]

    def _run(self, first: int) -> list[Event]:
        """Play the bars from `first` to the latest again, with what was added since they were played."""
        events: list[Event] = []
        for number in range(first, self._state.bar + 1):
            if not self._anything_to_do():
                break
            bar = self._tape.bar(number)
            if bar.volume > 0:
                if self._state.waiting:
                    events += self._open(number, bar)
                events += self._trade(number, bar)
        if not self._tape.has(self._state.bar + 1):
            events += self._end()
        return events

    def _anything_to_do(self) -> bool:
        state = self._state
        return state.protection is not None or any(each.first_bar <= state.bar for each in state.waiting)

    def _open(self, number: int, bar: Bar) -> list[Event]:
        """Orders, at the open."""
        due = [each.order for each in self._state.waiting if each.first_bar <= number]
        self._state.waiting = [each for each in self._state.waiting if each.first_bar > number]
        return [(number, self._execute(order, number, bar)) for order in due]

    def _trade(self, number: int, bar: Bar) -> list[Event]:
        """The stop or the target, within the bar; at its end a new protection comes into force."""
        state = self._state
        events: list[Event] = []
        protection, position = state.protection, state.account.quantity
        if protection and (exit := protection.exit(position, bar)):
            side, quantity = closing_side(position), abs(position)
            fee = self._terms.fee(quantity, exit.price)
            state.account.book(side, quantity, exit.price, fee)
            state.protection = self._coming = None
            state.books_from = number + 1
            fill = self._fill(
                number, exit.reason, protection.order_id, side=side, quantity=quantity, price=exit.price, fee=fee
            )
            events.append((number, fill))
        if self._coming:
            state.protection, self._coming = (None if self._coming.empty else self._coming), None
        return events

    def _execute(self, order: Order, number: int, bar: Bar) -> Fill | OrderRejection:
        if order.side is None or order.quantity is None:
            return self._change_protection(order, number, bar)
        account = self._state.account
        quantity = account.closable(order.side, order.quantity) if order.reduce_only else order.quantity
        if quantity == 0:
            reason = f"expected a position in {self.symbol} that a {order.side} reduces, was {account.quantity:g}"
            return self._reject(order.order_id, order.symbol, reason, number)
        price = self._terms.price(order.side, quantity, bar)
        if price is None:
            reason = (
                "expected a quantity that moves the price by less than the price itself, "
                f"got {quantity:g} in a bar of volume {bar.volume:g}"
            )
            return self._reject(order.order_id, order.symbol, reason, number)
        fee = self._terms.fee(quantity, price)
        if refusal := account.refusal(order.side, quantity, price, fee):
            return self._reject(order.order_id, order.symbol, refusal, number)
        account.book(order.side, quantity, price, fee)
        self._state.protection = None
        self._coming = protect(order, account.quantity, price) if account.quantity else None
        self._state.books_from = number
        return self._fill(number, "order", order.order_id, side=order.side, quantity=quantity, price=price, fee=fee)

    def _change_protection(self, order: Order, number: int, bar: Bar) -> Fill | OrderRejection:
        position = self._state.account.quantity
        if position == 0:
            reason = f"expected an open position in {self.symbol} to protect, there is none"
            return self._reject(order.order_id, order.symbol, reason, number)
        self._coming = protect(order, position, bar.open)
        self._state.books_from = number
        return self._fill(number, "protection", order.order_id, side=None, quantity=0.0, price=bar.open, fee=0.0)

    def _end(self) -> list[Event]:
        """After the last bar nothing can fill any more."""
        waiting, self._state.waiting = self._state.waiting, []
        last = self._state.bar
        reason = f"no later bar: expected one to fill at, the last is that of {self._tape.time(last).isoformat()}"
        return [(last, self._reject(each.order.order_id, each.order.symbol, reason, last)) for each in waiting]

    def _fill(
        self,
        number: int,
        reason: Reason,
        order_id: UUID,
        *,
        side: Side | None,
        quantity: float,
        price: float,
        fee: float,
    ) -> Fill:
        return Fill(
            order_id=order_id,
            symbol=self.symbol,
            side=side,
            quantity=quantity,
            price=price,
            fee=fee,
            timestamp=self._tape.time(number),
            reason=reason,
        )

    def _reject(self, order_id: UUID, symbol: str, reason: str, number: int) -> OrderRejection:
        timestamp = self._tape.time(number) if number >= 0 else None
        return OrderRejection(order_id=order_id, symbol=symbol, reason=reason, timestamp=timestamp)

    def _is_new(self, order_id: UUID) -> bool:
        known = self._state.order_ids
        if order_id in known:
            return False
        known[order_id] = None
        while len(known) > REMEMBERED:
            del known[next(iter(known))]
        return True
