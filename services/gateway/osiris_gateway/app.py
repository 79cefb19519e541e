"""Wires the endpoints to the mesh."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from osiris_gateway import assessments, docs, problems
from osiris_gateway.auth import key_guard
from osiris_gateway.call import Call, Calls
from osiris_gateway.idempotency import Idempotency
from osiris_gateway.models import Models
from osiris_gateway.openai import routes as openai
from osiris_gateway.routes import ROUTES
from osiris_gateway.scores import RecentScores
from osiris_gateway.settings import GatewaySettings
from osiris_gateway.trades import Trades
from osiris_gateway.vitals import Vitals
from osiris_gateway.watch import Watch
from osiris_mesh import Service


def build(settings: GatewaySettings) -> Service:
    """The gateway: a service whose front is HTTP."""
    service = Service("gateway", settings)
    watch = Watch(service.bus, queue_limit=settings.queue_limit, queue_seconds=settings.queue_seconds)
    idempotency = Idempotency(service.bus)
    models = Models(service.bus, watch, idempotency)
    scores = RecentScores()
    now = partial(datetime.now, UTC)
    service.on_start(watch.refresh)
    service.background(watch.keep_refreshing)
    service.background(partial(assessments.keep_following, service.bus, scores))
    trades, vitals = Trades(service.bus, models, now), Vitals(watch, scores, now)
    service.front(
        _http(
            settings,
            models,
            call=Provide(Calls(idempotency, settings.timeout_seconds).read),
            trades=_constant(trades),
            vitals=_constant(vitals),
            watch=_constant(watch),
        )
    )
    return service


def _http(settings: GatewaySettings, models: Models, **dependencies: Provide) -> Litestar:
    return Litestar(
        [*ROUTES, *openai.ROUTES, docs.assets()],
        dependencies=dependencies,
        state=State({"models": models}),  # Litestar makes a task of each where a handler takes two dependencies
        guards=[key_guard(settings.api_key)] if settings.api_key else [],
        before_request=_only_json,
        exception_handlers=problems.HANDLERS,
        request_max_body_size=settings.max_body_bytes,
        openapi_config=docs.openapi(),
        logging_config=None,  # it would start a thread; structlog is configured already
        signature_types=[Call, Trades, Vitals, Watch],
    )


def _constant(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


async def _only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse other bodies: a web page may send text across origins without asking, JSON it may not."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise HTTPException(f"expected content-type application/json, was '{kind or 'none'}'", status_code=415)
