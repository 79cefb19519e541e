"""The endpoints. Each takes a body, computes, and answers."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from pydantic import BaseModel
from redis.exceptions import RedisError

from osiris_azr_planner.analysis.indicators import atr as average_true_range
from osiris_azr_planner.analysis.indicators import ema as moving_average
from osiris_azr_planner.analysis.kelly import kelly as kelly_fraction
from osiris_azr_planner.analysis.ledger import Ledger
from osiris_azr_planner.questions import Planner
from osiris_azr_planner.trade.answer import RiskRejected
from osiris_contracts import (
    AtrBody,
    EmaBody,
    GateRejection,
    KellyBody,
    KellyFraction,
    KernelPlan,
    KernelQuestion,
    LedgerBody,
    LedgerView,
    PlannerHealth,
    Series,
    TradePlan,
    TradeQuestion,
)
from osiris_contracts.planning import MOST_SCENARIO_BARS
from osiris_mesh.http import problems
from osiris_mesh.http.problems import INPUT, KEYED, PROBLEM_JSON, AnyRequest
from osiris_mesh.tasks import within

_API = "/azr_api/v1"
_HEALTH_SECONDS = 2.0
_REJECTED = {
    409: ResponseSpec(
        GateRejection, description="The plan would risk too much.", media_type=PROBLEM_JSON, generate_examples=False
    )
}


def _json(body: BaseModel) -> Response[Any]:
    return Response(body.model_dump_json().encode(), media_type="application/json")


@post(
    f"{_API}/propose_trade",
    status_code=200,
    responses=INPUT | _REJECTED,
    tags=["desk"],
    summary="What should the desk do now",
)
async def propose_trade(data: JSONBody[TradeQuestion], planner: NamedDependency[Planner]) -> Response[TradePlan]:
    """ENTER, EXIT or HOLD, with the orders that it takes and why. A plan that the risk gate rejects is a 409."""
    return _json(planner.trade(data))


@post(f"{_API}/indicators/ema", status_code=200, responses=INPUT, tags=["analysis"], summary="Moving average")
async def ema(data: JSONBody[EmaBody]) -> Response[Series]:
    """Exponential, from the first value on; as many as came."""
    return _json(Series(values=tuple(moving_average(data.values, data.period))))


@post(f"{_API}/indicators/atr", status_code=200, responses=INPUT, tags=["analysis"], summary="Average true range")
async def atr(data: JSONBody[AtrBody]) -> Response[Series]:
    """Wilder's; one a bar, from bar period + 1 on."""
    return _json(Series(values=tuple(average_true_range(data.bars, data.period))))


@post(f"{_API}/kelly", status_code=200, responses=INPUT, tags=["analysis"], summary="Kelly's fraction")
async def kelly(data: JSONBody[KellyBody]) -> Response[KellyFraction]:
    """Which share of equity to put at stake; 0 where the odds are bad."""
    return _json(KellyFraction(fraction=kelly_fraction(data.win_probability, data.payoff_ratio)))


@post(f"{_API}/ledger", status_code=200, responses=INPUT, tags=["analysis"], summary="Profit and loss of trades")
async def ledger(data: JSONBody[LedgerBody]) -> Response[LedgerView]:
    """By average cost; futures by what a point is worth."""
    book = Ledger()
    for fill in data.fills:
        book.fill(fill.instrument, fill.quantity, fill.price, fill.fee)
    book.mark(data.marks)
    return _json(book.view())


@get(
    "/plan",
    responses=KEYED | problems.responses(_422="A parameter is not what it should be.", _503="Redis is away."),
    tags=["kernel"],
    summary="What should the kernel try next",
)
async def plan(
    planner: NamedDependency[Planner],
    bars: Annotated[
        int, QueryParameter(ge=0, le=MOST_SCENARIO_BARS, description="Bars of the scenario to send along.")
    ] = 0,
) -> Response[KernelPlan]:
    """A change of one part of the policy, or NOP, learned from what came of earlier ones. Each call draws anew."""
    return _json(await planner.kernel(KernelQuestion(bars=bars)))


@get("/health", tags=["operations"], summary="Does the planner answer")
async def health(planner: NamedDependency[Planner]) -> Response[PlannerHealth]:
    """Always 200: read `status`."""
    try:
        return _json(await within(_HEALTH_SECONDS, planner.health()))
    except (RedisError, OSError, TimeoutError):
        return _json(PlannerHealth(status="error", outcomes=0))


def _rejected(request: AnyRequest, error: RiskRejected) -> Response[Any]:
    body = GateRejection(reason=error.reason).model_dump_json().encode()
    return Response(body, status_code=409, media_type=PROBLEM_JSON)


HANDLERS = problems.handlers(problems.TELLERS) | {RiskRejected: _rejected}
"""What each exception becomes."""

ROUTES = [propose_trade, ema, atr, kelly, ledger, plan]
