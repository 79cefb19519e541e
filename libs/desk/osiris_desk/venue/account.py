"""Cash and the position in one symbol."""

from osiris_contracts import Side
from osiris_desk.values import Record

# what is left of 0.1 + 0.2 - 0.3 is no position
_RESIDUE = 1e-9


class Account(Record):
    """What the trader has at the venue.

    Attributes:
        cash: quote currency; the proceeds of a short are in it.
        quantity: units held; negative when short.
    """

    cash: float
    quantity: float = 0.0

    def equity(self, price: float) -> float:
        """Cash and position, at `price` a unit."""
        return self.cash + self.quantity * price

    def refusal(self, side: Side, quantity: float, price: float, fee: float) -> str | None:
        """Why the account cannot bear this trade; None when it can.

        A buy is paid from cash. A sale may go short as far as the short is worth no more than the equity.
        """
        cost = price * quantity + fee
        if side == "BUY":
            return None if cost <= self.cash else f"expected cash of at least {cost:.2f}, was {self.cash:.2f}"
        short = -self.after(side, quantity) * price
        equity = self.equity(price) - fee
        if short > 0 and not short <= equity:
            return f"expected a short worth at most the equity, {equity:.2f}, was {short:.2f}"
        return None

    def closable(self, side: Side, quantity: float) -> float:
        """How much of `quantity` would close an open position; 0 when it would open or add to one."""
        opposite = self.quantity < 0 if side == "BUY" else self.quantity > 0
        return min(quantity, abs(self.quantity)) if opposite else 0.0

    def book(self, side: Side, quantity: float, price: float, fee: float) -> None:
        """Execute a trade."""
        position = self.after(side, quantity)
        self.cash += (-quantity if side == "BUY" else quantity) * price - fee
        self.quantity = position

    def after(self, side: Side, quantity: float) -> float:
        """The position a trade would leave, units."""
        left = self.quantity + (quantity if side == "BUY" else -quantity)
        return 0.0 if abs(left) <= _RESIDUE * quantity else left
