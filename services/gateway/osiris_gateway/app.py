"""Wires the endpoints to the mesh."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from osiris_gateway import assessments, docs, feeds, pages, problems, routes
from osiris_gateway import controls as desk_controls
from osiris_gateway.access.door import Door
from osiris_gateway.access.headers import SecurityHeaders, cors
from osiris_gateway.access.keys import Keys
from osiris_gateway.access.limiter import Limiter
from osiris_gateway.access.metering import MeteredModels
from osiris_gateway.access.routing import keyed, keyless
from osiris_gateway.call import Call, Calls
from osiris_gateway.controls import Controls
from osiris_gateway.feeds import Feed, Hub, Pulse
from osiris_gateway.feeds import routes as feed_routes
from osiris_gateway.idempotency import Idempotency
from osiris_gateway.json_body import JsonRequest
from osiris_gateway.metrics import DoorMetrics
from osiris_gateway.models import Models
from osiris_gateway.openai import routes as openai
from osiris_gateway.scores import RecentScores
from osiris_gateway.settings import GatewaySettings
from osiris_gateway.speech import routes as speech
from osiris_gateway.speech.voice import Voice
from osiris_gateway.traced import Traced
from osiris_gateway.trades import Trades
from osiris_gateway.vitals import Vitals
from osiris_gateway.watch import Watch
from osiris_mesh import Service
from osiris_mesh.key_ring import KeyRing


def build(settings: GatewaySettings) -> Service:
    """The gateway: a service whose front is HTTP."""
    service = Service("gateway", settings)
    watch = Watch(service.bus, queue_limit=settings.queue_limit, queue_seconds=settings.queue_seconds)
    idempotency = Idempotency(service.bus)
    now = partial(datetime.now, UTC)
    keys = Keys(
        KeyRing(service.bus.redis),
        settings.api_key,
        host=settings.probe_host,
        is_loopback=settings.is_loopback,
        now=now,
    )
    limiter = Limiter(
        service.bus.writer,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
    )
    models = MeteredModels(service.bus, watch, idempotency, DoorMetrics(service.metrics.registry), limiter)
    scores = RecentScores()
    service.before_listening(keys.require)
    service.on_start(watch.refresh)
    service.background(keys.keep_refreshing)
    service.background(watch.keep_refreshing)
    service.background(partial(assessments.keep_following, service.bus, scores))
    trades, vitals = Trades(service.bus, models, now), Vitals(watch, scores, now)
    both = feeds.of(service.bus.redis)
    hub, pulse = Hub(service.bus.redis, both), Pulse(service.bus.redis, both.desk)
    service.on_start(hub.open)
    service.background(hub.run)
    service.background(pulse.run)
    front = _http(
        settings,
        keys,
        limiter,
        models,
        call=Provide(Calls(idempotency, settings.timeout_seconds).read),
        trades=_constant(trades),
        vitals=_constant(vitals),
        speaker=_constant(Voice(service.bus, idempotency, queue_limit=settings.queue_limit)),
        watch=_constant(watch),
        controls=_constant(Controls(service.bus)),
        desk_feed=_constant(both.desk),
        audio_feed=_constant(both.audio),
        pulse=_constant(pulse),
    )
    service.front(front if settings.otlp_endpoint is None else Traced(front), settings.http_limits)
    return service


def _http(
    settings: GatewaySettings, keys: Keys, limiter: Limiter, models: Models, **dependencies: Provide
) -> SecurityHeaders:
    app = Litestar(
        [
            keyed("generate", *routes.ASK_ROUTES, *openai.ROUTES, *speech.ROUTES, *feed_routes.ROUTES),
            keyed("admin", *desk_controls.ROUTES),
            keyed("feedback", routes.feedback),
            keyless(routes.health, pages.desk),
            *pages.files(),
            docs.assets(),
        ],
        dependencies=dependencies,
        state=State({"models": models}),  # Litestar makes a task of each where a handler takes two dependencies
        middleware=[Door(keys, limiter)],
        cors_config=cors(settings.origins),
        before_request=_only_json,
        exception_handlers=problems.HANDLERS,
        request_class=JsonRequest,
        request_max_body_size=settings.max_body_bytes,
        openapi_config=docs.openapi(keys),
        logging_config=None,  # it would start a thread; structlog is configured already
        signature_types=[Call, Controls, Feed, Pulse, Trades, Vitals, Voice, Watch],
    )
    return SecurityHeaders(app)


def _constant(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


async def _only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse other bodies: a web page may send text across origins without asking, JSON it may not."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise HTTPException(f"expected content-type application/json, was '{kind or 'none'}'", status_code=415)
