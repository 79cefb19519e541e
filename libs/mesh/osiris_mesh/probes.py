"""/healthz, /readyz, /metrics, and AsyncAPI as a page and as JSON."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, cast

import uvicorn
from faststream.asgi import AsgiResponse, get, make_asyncapi_asgi
from faststream.redis import RedisBroker
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry, make_asgi_app

from osiris_contracts import Problem
from osiris_mesh.bounded_http import BoundedHttp, HttpLimits

LONGEST_NAME = 255
"""Bytes of one name in a path, on every file system that counts."""

_OTHER_FILES = 500
"""Besides connections of clients: those to Redis, logs, tables."""

Scope = MutableMapping[str, Any]


class Probes:
    """A small HTTP server beside the service.

    Args:
        ready: says whether the service can work, and in words why not.
        front: an ASGI app that answers on every other path; None: they are not found.
        drain_seconds: how long requests may go on once it is told to stop.
        limits: what a client may take.
    """

    def __init__(
        self,
        service: str,
        broker: RedisBroker,
        registry: CollectorRegistry,
        ready: Callable[[], tuple[bool, str]],
        *,
        front: Any = None,
        drain_seconds: float = 1.0,
        limits: HttpLimits | None = None,
    ) -> None:
        @get
        async def healthz(scope: Scope) -> AsgiResponse:
            return AsgiResponse(b"alive\n", 200)

        @get
        async def readyz(scope: Scope) -> AsgiResponse:
            can_work, why = ready()
            return AsgiResponse(f"{why}\n".encode(), 200 if can_work else 503)

        @get
        async def asyncapi_json(scope: Scope) -> AsgiResponse:
            headers = {"content-type": "application/json"}
            return AsgiResponse(specification.to_specification().to_json().encode(), 200, headers)

        specification = AsyncAPI(broker, title=f"osiris {service}", version="0.1.0")
        self._routes: dict[str, Any] = {
            "/healthz": healthz,
            "/readyz": readyz,
            "/metrics": make_asgi_app(registry),
            "/asyncapi.json": asyncapi_json,
            "/asyncapi": make_asyncapi_asgi(specification, try_it_out_path=None),
        }
        self._otherwise = front or _not_found
        self._drain_seconds = drain_seconds
        self._limits = limits or HttpLimits()
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the URL.

        Raises:
            OSError: the port is taken.
        """
        _allow_files(self._limits.connections + _OTHER_FILES)
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        config = uvicorn.Config(
            self._app,
            http=cast(Any, partial(BoundedHttp, self._limits)),
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nobody asks where a request came from
            server_header=False,
            headers=[  # no browser guesses what an answer is, shows it in a frame, or tells others where it was
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
            ],
            timeout_graceful_shutdown=max(1, round(self._drain_seconds)),
        )
        self._server = _Quiet(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="probes")
        return f"http://{host}:{listener.getsockname()[1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task

    async def _app(self, scope: Scope, receive: Any, send: Any) -> None:
        path = scope["path"]
        route = _nothing if _names_nothing(path) else self._routes.get(path.rstrip("/"), self._otherwise)
        await route(scope, receive, send)


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the service it stands beside."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _allow_files(wanted: int) -> None:
    """Let this process open as many files as it holds connections, as far as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        with contextlib.suppress(ValueError, OSError):  # a system may know a lower limit than it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _names_nothing(path: str) -> bool:
    """Whether no file can have such a path: file systems answer with errors that look like ours."""
    if "\0" in path:
        return True
    return len(path) > LONGEST_NAME / 4 and any(
        len(name.encode(errors="replace")) > LONGEST_NAME for name in path.split("/")
    )


async def _nothing(scope: Scope, receive: Any, send: Any) -> None:
    detail = f"expected a path without NUL, its parts of at most {LONGEST_NAME} bytes; there is nothing of that name"
    problem = Problem(title="Not Found", status=404, detail=detail, code="not_found")
    body = problem.model_dump_json(exclude_none=True).encode()
    await AsgiResponse(body, 404, {"content-type": "application/problem+json"})(scope, receive, send)


async def _not_found(scope: Scope, receive: Any, send: Any) -> None:
    text = b"expected /healthz, /readyz, /metrics, /asyncapi or /asyncapi.json\n"
    await AsgiResponse(text, 404)(scope, receive, send)
