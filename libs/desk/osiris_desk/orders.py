"""From a target to the one order that reaches it."""

import math
from uuid import UUID

from osiris_contracts import BarRange, Order, Proposal
from osiris_desk.book import Position
from osiris_desk.gate import reduces
from osiris_desk.run_id import order_id
from osiris_desk.sizing import LOT

_TOLERANCE = LOT / 1000


def order_for(
    proposal: Proposal, *, run: UUID, symbol: str, position: Position, target: float, bars: BarRange
) -> Order | None:
    """The order that takes `position` to `target` units under the proposal's protection; None when it is there.

    A turn is one order through zero. A change below one lot is not traded; the protection is then changed alone.
    """
    if proposal.action == "pass":
        return None
    stop_price, target_price = protection(proposal, target, bars.close)
    change = target - position.quantity
    trades = abs(change) >= LOT - _TOLERANCE or (target == 0 and change != 0)
    if not trades and (target == 0 or (stop_price, target_price) == (position.stop_price, position.target_price)):
        return None
    return Order(
        order_id=order_id(run),
        symbol=symbol,
        side=None if not trades else "BUY" if change > 0 else "SELL",
        quantity=round(abs(change), 10) if trades else None,
        stop_price=stop_price,
        target_price=target_price,
        reduce_only=trades and reduces(position.quantity, target),
        as_of=bars.last,
    )


def protection(proposal: Proposal, target: float, price: float) -> tuple[float | None, float | None]:
    """The stop and target levels for a position of `target` units, `price` being the last close, quote currency.

    A level that would not be above zero can never be reached and is none.
    """
    if target == 0:
        return None, None
    side = math.copysign(1, target)
    return _level(price, -side, proposal.new_stop_pct), _level(price, side, proposal.new_target_pct)


def _level(price: float, direction: float, pct: float | None) -> float | None:
    if pct is None:
        return None
    level = price * (1 + direction * pct / 100)
    return level if 0 < level < math.inf else None
