"""How many units a proposal asks for."""

import math

from osiris_contracts import Proposal
from osiris_desk.gate import is_too_large
from osiris_desk.rules import Rules

LOTS_PER_UNIT = 10_000
LOT = 1 / LOTS_PER_UNIT
"""The smallest quantity that is traded, units."""


def target_quantity(proposal: Proposal, *, quantity: float, price: float, nav: float, rules: Rules) -> float:
    """The units to hold: confidence times the largest position the gate lets through, whole lots; negative when short.

    Args:
        proposal: adjust sizes anew, pass keeps, abort is flat.
        quantity: units held now.
        price: last close, quote currency.
        nav: net asset value, quote currency; at 0 or less nothing is held.
        rules: the limits.
    """
    if proposal.action == "pass":
        return quantity
    if proposal.action == "abort":
        return 0.0
    lots = math.floor(proposal.confidence * _largest(nav, price, rules.max_position_size_pct))
    return (lots if proposal.side == "LONG" else -lots) / LOTS_PER_UNIT + 0.0  # no negative zero


def _largest(nav: float, price: float, max_position_size_pct: float) -> int:
    """The most lots whose value stays below the limit."""
    wanted = nav * max_position_size_pct / 100 / price * LOTS_PER_UNIT
    if not (math.isfinite(wanted) and wanted > 0):
        return 0
    lots = math.floor(wanted)
    if is_too_large(lots / LOTS_PER_UNIT * price, nav, max_position_size_pct):
        lots -= 1 + lots // 10**12  # one lot, or more where a float cannot tell two lots apart
    return lots
