"""The question answered: a plan that the gate let through."""

from osiris_azr_planner.trade.gate import judge
from osiris_azr_planner.trade.plan import make_plan
from osiris_azr_planner.trade.signals import signals
from osiris_contracts import GateReason, TradePlan, TradeQuestion

_DIGITS = 3


class RiskRejected(Exception):
    """A plan that would risk too much."""

    def __init__(self, reason: GateReason, risk: float, confidence: float) -> None:
        super().__init__(f"the risk gate rejects the plan: {reason} (risk {risk:.3f}, confidence {confidence:.3f})")
        self.reason: GateReason = reason


def propose_trade(question: TradeQuestion, position_limit: float) -> TradePlan:
    """What the desk should do now.

    Args:
        position_limit: of the service, quote currency; the question may ask for a lower one.

    Raises:
        RiskRejected: the gate does not let it through.
    """
    plan = make_plan(question)
    reason = judge(plan, min(position_limit, question.position_limit or position_limit))
    if reason is not None:
        raise RiskRejected(reason, plan.risk, plan.confidence)
    return TradePlan(
        action=plan.action,
        instrument=question.instrument,
        legs=plan.legs,
        latent_risk=round(plan.risk, _DIGITS),
        confidence=round(plan.confidence, _DIGITS),
        reasons=plan.reasons,
        signals=signals(question),
    )
