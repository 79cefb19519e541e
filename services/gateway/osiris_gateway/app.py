"""Wires the endpoints to the mesh."""

from datetime import UTC, datetime
from functools import partial

from litestar.di import Provide

from osiris_gateway import assessments, docs, feeds, pages, problems, routes
from osiris_gateway import controls as desk_controls
from osiris_gateway.call import Calls
from osiris_gateway.controls import Controls
from osiris_gateway.feeds import Hub, Pulse
from osiris_gateway.feeds import routes as feed_routes
from osiris_gateway.idempotency import Idempotency
from osiris_gateway.metering import MeteredModels
from osiris_gateway.openai import routes as openai
from osiris_gateway.scores import RecentScores
from osiris_gateway.settings import GatewaySettings
from osiris_gateway.speech import routes as speech
from osiris_gateway.speech.voice import Voice
from osiris_gateway.trades import Trades
from osiris_gateway.vitals import Vitals
from osiris_gateway.watch import Watch
from osiris_mesh import Service
from osiris_mesh.http import app as http
from osiris_mesh.http.routing import keyed, keyless


def build(settings: GatewaySettings) -> Service:
    """The gateway: a service whose front is HTTP."""
    service = Service("gateway", settings)
    watch = Watch(service.bus, queue_limit=settings.queue_limit, queue_seconds=settings.queue_seconds)
    idempotency = Idempotency(service.bus)
    now = partial(datetime.now, UTC)
    guard = http.guard(service, settings)
    models = MeteredModels(service.bus, watch, idempotency, guard.limiter)
    scores = RecentScores()
    service.on_start(watch.refresh)
    service.background(watch.keep_refreshing)
    service.background(partial(assessments.keep_following, service.bus, scores))
    trades, vitals = Trades(service.bus, models, now), Vitals(watch, scores, now)
    both = feeds.of(service.bus.redis)
    hub, pulse = Hub(service.bus.redis, both), Pulse(service.bus.redis, both.desk)
    service.on_start(hub.open)
    service.background(hub.run)
    service.background(pulse.run)
    app = http.app(
        [
            keyed("generate", *routes.ASK_ROUTES, *openai.ROUTES, *speech.ROUTES, *feed_routes.ROUTES),
            keyed("admin", *desk_controls.ROUTES),
            keyed("feedback", routes.feedback),
            keyless(routes.health, pages.desk),
            *pages.files(),
        ],
        guard=guard,
        settings=settings,
        openapi=docs.openapi(guard.keys),
        exception_handlers=problems.HANDLERS,
        dependencies={
            "call": Provide(Calls(idempotency, settings.timeout_seconds).read),
            "trades": trades,
            "vitals": vitals,
            "speaker": Voice(service.bus, idempotency, queue_limit=settings.queue_limit),
            "watch": watch,
            "controls": Controls(service.bus),
            "desk_feed": both.desk,
            "audio_feed": both.audio,
            "pulse": pulse,
        },
        state={"models": models},  # Litestar makes a task of each where a handler takes two dependencies
        origins=settings.origins,
    )
    service.front(app, settings.http_limits)
    return service
