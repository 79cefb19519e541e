"""The trace of an HTTP request: goes on with the client's, or begins here; the answer tells which (`traceresponse`)."""

from collections.abc import Iterable, MutableMapping
from typing import Any

from osiris_mesh import tracing

Scope = MutableMapping[str, Any]


class Traced:
    """Puts a span around every request of `app`, as OpenTelemetry's conventions for HTTP servers say.

    Of a request no more is told than its method and path: prompts and keys are nobody else's business.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer, within a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        about = {"http__request__method": method, "url__path": path}
        with tracing.serving(f"{method} {path}", _header(scope["headers"]), **about):
            trace = (tracing.traceparent() or "").encode()

            async def sent(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    tracing.note(http__response__status_code=message["status"])
                    message = {**message, "headers": [*message["headers"], (b"traceresponse", trace)]}
                await send(message)

            await self._app(scope, receive, sent)


def _header(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == b"traceparent"), None)
