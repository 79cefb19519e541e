"""The risk gate over a plan. It never stands between the desk and less exposure."""

import math

from osiris_azr_planner.trade.plan import Plan
from osiris_azr_planner.trade.sizing import multiplier
from osiris_contracts import GateReason

HIGHEST_RISK = 0.35
LOWEST_CONFIDENCE = 0.60
TOLERANCE = 1e-9


def judge(plan: Plan, position_limit: float) -> GateReason | None:
    """The first limit that `plan` breaks; None where it may pass.

    What only reduces exposure passes. HOLD keeps what is held, and is judged as ENTER is.

    Args:
        position_limit: what the legs that add exposure may be worth together, quote currency.
    """
    if plan.action == "EXIT":
        return None
    if plan.risk > HIGHEST_RISK + TOLERANCE:
        return "high_risk"
    if plan.confidence < LOWEST_CONFIDENCE - TOLERANCE:
        return "low_confidence"
    adding = [leg for leg in plan.legs if not leg.reduces]
    worth = math.fsum(abs(leg.size * leg.price * multiplier(leg.instrument)) for leg in adding)
    return "position_limit" if worth > position_limit + TOLERANCE else None
