"""Questions to the planner, and its answers: what the desk should do now, and what the kernel should try next."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from osiris_contracts._base import Contract, Symbol
from osiris_contracts.kernel import PatchTask
from osiris_contracts.market import MarketTick, Side

Money = Annotated[float, Field(ge=1e-9, le=1e12)]
"""Quote currency; ratios and products of such numbers are finite."""
Units = Annotated[float, Field(ge=-1e12, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=10**9)]

MOST_POINTS = 10_000
LEAST_EQUITY_POINTS = 31
LEAST_BARS = 15
MOST_SCENARIO_BARS = 1_000

TradeAction = Literal["ENTER", "EXIT", "HOLD"]
GateReason = Literal["high_risk", "low_confidence", "position_limit"]


class PriceBar(Contract):
    """One bar as the planner looks at it."""

    high: Money = Field(description="Highest price, quote currency.")
    low: Money = Field(description="Lowest price, quote currency.")
    close: Money = Field(description="Last price, quote currency.")

    @model_validator(mode="after")
    def _high_is_not_below_low(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"expected high >= low, was high {self.high} < low {self.low}")
        return self


class TradeQuestion(Contract):
    """Body of POST /azr_api/v1/propose_trade: what should the desk do now in one instrument?"""

    instrument: Symbol = Field(description="The instrument; MES, M2K and MNQ are futures, a point is worth 5, 5 and 2.")
    equity_curve: tuple[Money, ...] = Field(
        min_length=LEAST_EQUITY_POINTS,
        max_length=MOST_POINTS,
        description="Equity, oldest first, one point a day, quote currency.",
    )
    bars: tuple[PriceBar, ...] = Field(
        min_length=LEAST_BARS, max_length=MOST_POINTS, description="Bars of the instrument, oldest first."
    )
    volume: tuple[Annotated[float, Field(ge=0, le=1e15)], ...] = Field(
        default=(), max_length=MOST_POINTS, description="Units traded in each bar, oldest first; none: unknown."
    )
    n_successes: Count = Field(description="Trades that ended with a gain.")
    n_failures: Count = Field(description="Trades that did not.")
    position: Units = Field(default=0.0, description="Units held; negative when short.")
    risk_free_rate: float = Field(default=0.0, ge=0, le=0.2, description="A year's, a fraction, 0 to 0.2.")
    position_limit: Money | None = Field(
        default=None, description="What new legs may be worth together, quote currency; null, or more: the service's."
    )


class Leg(Contract):
    """One order of a plan."""

    instrument: Symbol = Field(description="The instrument.")
    side: Side = Field(description="BUY or SELL.")
    size: float = Field(gt=0, description="Units, > 0.")
    price: Money = Field(description="Last close, quote currency.")
    reduces: bool = Field(description="Whether it only takes exposure away.")


class Signals(Contract):
    """What else the planner saw; it decides nothing."""

    ema: float = Field(description="Exponential moving average of the closes, 14 bars, quote currency.")
    atr: float = Field(ge=0, description="Wilder's average true range, 14 bars, quote currency.")
    relative_volume: float | None = Field(
        default=None, ge=0, description="Volume of the last bar over the mean; null: unknown."
    )
    kelly_fraction: float = Field(
        ge=0, description="Kelly's share of equity, of the last 30 returns, 0 to the leverage."
    )


class TradePlan(Contract):
    """What the desk should do now."""

    kind: Literal["trade"] = Field(default="trade", description="Tells the kinds of reply apart.")
    action: TradeAction = Field(description="ENTER: be long; EXIT: be flat; HOLD: change nothing.")
    instrument: Symbol = Field(description="The instrument.")
    legs: tuple[Leg, ...] = Field(description="The orders; none where there is nothing to do.")
    latent_risk: Share = Field(description="0 (calm) to 1, three decimals.")
    confidence: Share = Field(description="Of the next trade to end with a gain, three decimals.")
    reasons: tuple[str, ...] = Field(min_length=1, description="Why.")
    signals: Signals = Field(description="What else was seen.")


class GateRejection(Contract):
    """Body of 409: the plan would risk too much."""

    detail: Literal["risk_gate_reject"] = Field(default="risk_gate_reject", description="What happened.")
    reason: GateReason = Field(description="The first limit that it breaks.")


class KernelQuestion(Contract):
    """What should the kernel try next?"""

    bars: int = Field(
        default=0, ge=0, le=MOST_SCENARIO_BARS, description="Bars of the scenario to send along, 0 to 1,000."
    )


class KernelPlan(Contract):
    """What the kernel should try next. Answer of GET /plan."""

    kind: Literal["kernel"] = Field(default="kernel", description="Tells the kinds of reply apart.")
    task: PatchTask | Literal["NOP"] = Field(description="What to try; NOP: nothing is worth its cost now.")
    priority: Share = Field(description="What it promised when it was drawn; 0 for NOP. The higher, the sooner.")
    expected_reward: Share = Field(description="Mean share of the stages of verification that such a change passes.")
    why: str = Field(description="In words.")
    bars: tuple[MarketTick, ...] = Field(default=(), description="Of the task's scenario, as many as were asked for.")


class PlanRequest(Contract):
    """A question on `planner.requests`: one of the two."""

    trade: TradeQuestion | None = Field(default=None, description="What should the desk do now?")
    kernel: KernelQuestion | None = Field(default=None, description="What should the kernel try next?")

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.trade is None) == (self.kernel is None):
            raise ValueError(f"expected either trade or kernel, got {'neither' if self.trade is None else 'both'}")
        return self


class PlannerHealth(Contract):
    """Answer of the planner's GET /health."""

    status: Literal["ok", "error"] = Field(description="ok: it answers, and learns; error: Redis is away.")
    outcomes: int = Field(ge=0, description="Outcomes of the kernel that it has learned from.")
