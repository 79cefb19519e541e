"""Answers both questions, whichever way they come."""

from random import Random

from osiris_azr_planner.kernel.advisor import advise
from osiris_azr_planner.kernel.lessons import Lessons
from osiris_azr_planner.trade.answer import RiskRejected, propose_trade
from osiris_contracts import KernelPlan, KernelQuestion, PlannerHealth, PlanRequest, TradePlan, TradeQuestion
from osiris_mesh import Delivery, Refused


class Planner:
    """The planner.

    Args:
        randomness: of the draws between changes that promise alike.
        position_limit: what the new legs of a plan may be worth together, quote currency.
        least_reward: below which the kernel is told to do nothing.
    """

    def __init__(self, lessons: Lessons, randomness: Random, *, position_limit: float, least_reward: float) -> None:
        self._lessons = lessons
        self._randomness = randomness
        self._position_limit = position_limit
        self._least_reward = least_reward

    def trade(self, question: TradeQuestion) -> TradePlan:
        """What the desk should do now. Raises RiskRejected where the gate does not let it through."""
        return propose_trade(question, self._position_limit)

    async def kernel(self, question: KernelQuestion) -> KernelPlan:
        """What the kernel should try next."""
        return advise(await self._lessons.memory(), question, self._randomness, self._least_reward)

    async def health(self) -> PlannerHealth:
        """Whether it answers, and what it learned from."""
        return PlannerHealth(status="ok", outcomes=(await self._lessons.memory()).outcomes)

    async def answer(self, request: PlanRequest, delivery: Delivery) -> TradePlan | KernelPlan:
        """The answer to a question that came over the stream."""
        if request.trade is None:
            return await self.kernel(request.kernel or KernelQuestion())
        try:
            return self.trade(request.trade)
        except RiskRejected as rejection:
            raise Refused("risk_gate_reject", str(rejection), {"reason": rejection.reason}) from None
