"""The risk gate: what a proposal may risk. It never stands between the desk and less exposure."""

import math
from datetime import datetime

from osiris_contracts import GateVerdict, Proposal
from osiris_desk.rules import Rules

_ACCEPTED = GateVerdict(accepted=True)
ORDERS_STOPPED = "expected new orders to be allowed, the owner stopped them"


def judge(
    proposal: Proposal,
    *,
    symbol: str,
    quantity: float,
    target: float,
    price: float,
    nav: float,
    daily_pnl: float,
    unreported_since: datetime | None,
    rules: Rules,
    orders_stopped: bool = False,
) -> GateVerdict:
    """Whether the desk may act on `proposal`, and if not, why.

    Args:
        proposal: what phi3 proposed.
        symbol: the run's instrument.
        quantity: units held now; negative when short.
        target: units that would be held then.
        price: last close, quote currency.
        nav: net asset value, quote currency.
        daily_pnl: NAV now less NAV when the UTC day began, quote currency.
        unreported_since: bar of an order of which the venue has not told what became of it; None when there is none.
        rules: the limits.
        orders_stopped: whether the owner wants no new exposure.
    """
    if proposal.ticker != symbol:
        return _rejected(f"expected a proposal for {symbol}, was for {proposal.ticker}")
    if reduces(quantity, target):
        return _ACCEPTED
    if not all(map(math.isfinite, (quantity, target, price, nav, daily_pnl))):
        numbers = {"quantity": quantity, "target": target, "price": price, "nav": nav, "daily_pnl": daily_pnl}
        return _rejected(
            *(f"expected a finite {name}, was {value}" for name, value in numbers.items() if not math.isfinite(value))
        )
    if proposal.action != "adjust":
        return _ACCEPTED
    reasons = [ORDERS_STOPPED] if orders_stopped else []
    if nav <= 0:
        reasons.append(f"expected NAV above 0, was {nav:.2f}")
    elif is_too_large(abs(target) * price, nav, rules.max_position_size_pct):
        share = 100 * abs(target) * price / nav
        reasons.append(f"expected a position below {rules.max_position_size_pct:g}% of NAV, was {share:.4f}%")
    if nav > 0 and daily_pnl <= -nav * rules.max_daily_loss_pct / 100:
        share = 100 * daily_pnl / nav
        reasons.append(f"expected a daily P&L above -{rules.max_daily_loss_pct:g}% of NAV, was {share:.4f}%")
    if unreported_since is not None:
        reasons.append(f"expected the venue's report of the order of {unreported_since:%Y-%m-%d %H:%M}, none came")
    for name in ("new_stop_pct", "new_target_pct"):
        if getattr(proposal, name) == 0:
            reasons.append(f"expected {name} above 0 or null, was 0: the position would close as it opens")
    return _rejected(*reasons) if reasons else _ACCEPTED


def reduces(quantity: float, target: float) -> bool:
    """Whether going from `quantity` to `target` units only takes exposure away: towards zero, not through it."""
    return math.isfinite(quantity) and abs(target) < abs(quantity) and target * quantity >= 0


def is_too_large(value: float, nav: float, max_position_size_pct: float) -> bool:
    """Whether a position of `value` reaches the limit: exactly at it is too large."""
    return value >= nav * max_position_size_pct / 100


def _rejected(*reasons: str) -> GateVerdict:
    return GateVerdict(accepted=False, reasons=reasons)
