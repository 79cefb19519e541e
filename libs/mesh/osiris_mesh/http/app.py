"""An HTTP door: routes kept by keys and limits, errors as problems, and a document of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from osiris_mesh.http import docs
from osiris_mesh.http.door import Door
from osiris_mesh.http.headers import SecurityHeaders, cors
from osiris_mesh.http.json_body import JsonRequest, only_json
from osiris_mesh.http.keys import Keys
from osiris_mesh.http.limiter import Limiter
from osiris_mesh.http.settings import HttpSettings
from osiris_mesh.key_ring import KeyRing
from osiris_mesh.service import Service


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may come in, and how often."""

    keys: Keys
    limiter: Limiter


def guard(service: Service, settings: HttpSettings) -> Guard:
    """The keys and limits of `service`, which opens no port where it would stand open to others."""
    keys = Keys(
        KeyRing(service.bus.redis),
        settings.api_key,
        prefix=settings.model_config.get("env_prefix", ""),
        host=settings.probe_host,
        is_loopback=settings.is_loopback,
        now=partial(datetime.now, UTC),
    )
    service.before_listening(keys.require)
    service.background(keys.keep_refreshing)
    limiter = Limiter(
        service.bus.writer,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
    )
    return Guard(keys, limiter)


def app(
    routers: Sequence[Router],
    *,
    guard: Guard,
    settings: HttpSettings,
    openapi: OpenAPIConfig,
    exception_handlers: dict[Any, Any],
    dependencies: dict[str, Any],
    state: dict[str, Any] | None = None,
    origins: Sequence[str] = (),
) -> SecurityHeaders:
    """The app.

    Args:
        dependencies: what handlers are given, by name: a value, or a `Provide`.
        origins: of the web pages that may call.
    """
    return SecurityHeaders(
        Litestar(
            [*routers, docs.assets()],
            dependencies={name: _provided(value) for name, value in dependencies.items()},
            state=State(state),
            middleware=[Door(guard.keys, guard.limiter)],
            cors_config=cors(origins),
            before_request=only_json,
            exception_handlers=exception_handlers,
            request_class=JsonRequest,
            request_max_body_size=settings.max_body_bytes,
            openapi_config=openapi,
            logging_config=None,  # it would start a thread; structlog is configured already
            signature_types=[type(value) for value in dependencies.values() if not isinstance(value, Provide)],
        )
    )


def _provided(value: Any) -> Provide:
    return value if isinstance(value, Provide) else Provide(lambda: value, sync_to_thread=False)
