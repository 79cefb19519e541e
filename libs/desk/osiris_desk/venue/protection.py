"""The protective stop and the target of a position."""

from typing import Literal, NamedTuple
from uuid import UUID

from osiris_contracts import Order, Side
from osiris_desk.market.bars import Bar
from osiris_desk.values import Value

Trigger = Literal["stop", "target"]


class Exit(NamedTuple):
    """A protection that executes: what closes the position, and at which price."""

    reason: Trigger
    price: float


class Protection(Value, frozen=True):
    """Levels that close a position.

    Attributes:
        order_id: the order that carried it.
        stop_price, target_price: quote currency; None for none.
        triggered: the level the market was already past when it was set; it executes at the next open.
    """

    order_id: UUID
    stop_price: float | None
    target_price: float | None
    triggered: Trigger | None = None

    @property
    def empty(self) -> bool:
        """Whether it holds no level at all."""
        return self.stop_price is None and self.target_price is None

    def exit(self, position: float, bar: Bar) -> Exit | None:
        """How `bar` closes a position, the stop first; None when it touches no level.

        Args:
            position: units, negative when short.
        """
        if self.triggered:
            return Exit(self.triggered, bar.open)
        if position > 0:
            if self.stop_price is not None and bar.low <= self.stop_price:
                return Exit("stop", min(self.stop_price, bar.open))
            if self.target_price is not None and bar.high >= self.target_price:
                return Exit("target", max(self.target_price, bar.open))
        else:
            if self.stop_price is not None and bar.high >= self.stop_price:
                return Exit("stop", max(self.stop_price, bar.open))
            if self.target_price is not None and bar.low <= self.target_price:
                return Exit("target", min(self.target_price, bar.open))
        return None


def protect(order: Order, position: float, price: float) -> Protection:
    """The protection that `order` asks for a position, set while the market is at `price`."""
    stop, target = order.stop_price, order.target_price
    gain = 1 if position > 0 else -1
    triggered: Trigger | None = None
    if stop is not None and (price - stop) * gain <= 0:
        triggered = "stop"
    elif target is not None and (target - price) * gain <= 0:
        triggered = "target"
    return Protection(order_id=order.order_id, stop_price=stop, target_price=target, triggered=triggered)


def closing_side(position: float) -> Side:
    """The side of the trade that closes `position`."""
    return "SELL" if position > 0 else "BUY"
