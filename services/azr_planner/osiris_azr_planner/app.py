"""Wires the questions to the mesh and to HTTP."""

from random import SystemRandom

from osiris_azr_planner import routes
from osiris_azr_planner.kernel.lessons import Lessons
from osiris_azr_planner.questions import Planner
from osiris_azr_planner.settings import PlannerSettings
from osiris_contracts import (
    AtrBody,
    EmaBody,
    GateRejection,
    KellyBody,
    KellyFraction,
    KernelPlan,
    LedgerBody,
    LedgerView,
    PlannerHealth,
    PlanRequest,
    Problem,
    Series,
    TradePlan,
    TradeQuestion,
    streams,
)
from osiris_mesh import Service
from osiris_mesh.http import app as http
from osiris_mesh.http import docs
from osiris_mesh.http.routing import keyed, keyless

NAME = streams.served_by(streams.PLANNER_REQUESTS)
_BODIES = (
    AtrBody,
    EmaBody,
    GateRejection,
    KellyBody,
    KellyFraction,
    KernelPlan,
    LedgerBody,
    LedgerView,
    PlannerHealth,
    Problem,
    Series,
    TradePlan,
    TradeQuestion,
)


def build(settings: PlannerSettings) -> Service:
    """The planner: a service whose front is HTTP."""
    service = Service(NAME, settings)
    lessons = Lessons(service.bus, NAME, lease_seconds=settings.lease_seconds, half_life=settings.half_life)
    planner = Planner(
        lessons, SystemRandom(), position_limit=settings.position_limit, least_reward=settings.least_reward
    )
    service.consume(streams.PLANNER_REQUESTS, PlanRequest)(planner.answer)
    service.trims(streams.DGM_OUTCOMES)
    service.background(lessons.run)
    guard = http.guard(service, settings)
    app = http.app(
        [keyed("generate", *routes.ROUTES), keyless(routes.health)],
        guard=guard,
        settings=settings,
        openapi=docs.openapi(
            guard.keys,
            title="Osiris planner",
            summary="What the desk should do now, and what its kernel should try next.",
            bodies=_BODIES,
        ),
        exception_handlers=routes.HANDLERS,
        dependencies={"planner": planner},
    )
    service.front(app, settings.http_limits)
    return service
