"""Wires the endpoints to the mesh."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from osiris_gateway import assessments, docs, problems
from osiris_gateway.auth import key_guard
from osiris_gateway.models import Models
from osiris_gateway.openai import routes as openai
from osiris_gateway.routes import ROUTES
from osiris_gateway.scores import RecentScores
from osiris_gateway.settings import GatewaySettings
from osiris_gateway.trades import Trades
from osiris_gateway.vitals import Vitals
from osiris_mesh import Service


def build(settings: GatewaySettings) -> Service:
    """The gateway: a service whose front is HTTP."""
    service = Service("gateway", settings)
    models = Models(service.bus, timeout_seconds=settings.timeout_seconds, queue_limit=settings.queue_limit)
    scores = RecentScores()
    now = partial(datetime.now, UTC)
    service.on_start(models.refresh)
    service.background(models.keep_watching)
    service.background(partial(assessments.keep_following, service.bus, scores))
    service.front(_http(settings, models, Trades(service.bus, models, now), Vitals(models, scores, now)))
    return service


def _http(settings: GatewaySettings, models: Models, trades: Trades, vitals: Vitals) -> Litestar:
    return Litestar(
        [*ROUTES, *openai.ROUTES, docs.assets()],
        dependencies={
            "models": Provide(lambda: models, sync_to_thread=False),
            "trades": Provide(lambda: trades, sync_to_thread=False),
            "vitals": Provide(lambda: vitals, sync_to_thread=False),
        },
        guards=[key_guard(settings.api_key)] if settings.api_key else [],
        before_request=_only_json,
        exception_handlers=problems.HANDLERS,
        request_max_body_size=settings.max_body_bytes,
        openapi_config=docs.openapi(),
        signature_types=[Models, Trades, Vitals],
    )


def _only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse other bodies: a web page may send text across origins without asking, JSON it may not."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise HTTPException(f"expected content-type application/json, was '{kind or 'none'}'", status_code=415)
