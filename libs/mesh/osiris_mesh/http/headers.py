"""What answers say to browsers: what a page may load, and which other origins may call."""

from collections.abc import Sequence
from typing import Any

from litestar.config.cors import CORSConfig

_CONTENT = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",  # Swagger UI sets styles on its elements
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = [
    (b"content-security-policy", _CONTENT.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class SecurityHeaders:
    """An ASGI app whose answers all have the headers that keep a browser from being turned against the desk.

    Those that every port of the mesh has (nosniff, no referrer, no frames) are in `osiris_mesh.probes`.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)


def cors(origins: Sequence[str]) -> CORSConfig | None:
    """Which pages of other origins may call: those listed; None, and none may, without any."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "Last-Event-ID",
            "X-API-Key",
            "X-Osiris-Deadline-Ms",
            "X-Osiris-Priority",
        ],
        expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "X-Request-Id"],
        max_age=600,
    )
