"""uvicorn's HTTP/1.1 protocol with the bounds it lacks: on how long a request takes to come, and on its head.

uvicorn waits for ever for the rest of a request, and keeps whatever comes of its headers; both are cheap ways to use up
a server (slow loris). uvicorn takes a protocol class as its `http`; what is overridden here are the callbacks that
asyncio and httptools call.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from osiris_contracts import Problem

FRAMING = 8
"""A body may come in chunks of a byte, whose framing is five times its size; what is longer is no body."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How much, and how long, a client may take.

    Attributes:
        head_seconds: for the request line and the headers to come, the silence before them included.
        body_seconds: for the body.
        stalled_seconds: without reading what it is sent.
        head_bytes: of request line and headers.
        headers: how many.
        body_bytes: of a body; the app refuses one that is longer, this only ends what never ends.
        connections: at once.
    """

    head_seconds: float = 10.0
    body_seconds: float = 30.0
    stalled_seconds: float = 60.0
    head_bytes: int = 32_768
    headers: int = 100
    body_bytes: int = 1_048_576
    connections: int = 16_000


class _Stage(Enum):
    """What of a request is to come next."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class _TooLarge(Exception):
    """A head that is."""


class _InOneGo:
    """Where uvicorn writes an answer: its head waits, for this turn of the loop, for the first of its body.

    Each write is a packet of its own, which wakes the client.
    """

    def __init__(self, cycle: RequestResponseCycle, transport: Transport, loop: AbstractEventLoop) -> None:
        self._cycle = cycle
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, or let wait."""
        if self._head is not None:
            self._head += data
            self._flush()
        elif self._cycle.response_started:
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)  # 100 Continue

    def close(self) -> None:
        """Write what waits, and hang up."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head is not None and not self._transport.is_closing():
            self._transport.write(self._head)
        self._head = None
        self._cycle.transport = self._transport  # all that follows is written at once


class BoundedHttp(HttpToolsProtocol):
    """A connection that keeps to limits, or ends."""

    def __init__(self, limits: HttpLimits, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._limits = limits
        self._stage = self._timed = _Stage.HEAD
        self._bytes = 0
        self._too_large = False
        self._timer: TimerHandle | None = None
        self._stall: TimerHandle | None = None

    # --- asyncio's callbacks ------------------------------------------------------------------------------------

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(503, f"expected at most {self._limits.connections} connections at once; try again later")
            return
        self._timer = self.loop.call_later(self._limits.head_seconds, self._is_late)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the connection was given up."""
        if self.transport.is_closing():
            return
        if self._stage is _Stage.NOTHING:
            self._begin()
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._bytes += len(data) if self._stage is not _Stage.NOTHING else 0
        if self._stage is _Stage.HEAD and self._bytes > self._limits.head_bytes:
            self._refuse(431, self._head_text())
        elif self._stage is _Stage.BODY and self._bytes > FRAMING * self._limits.body_bytes:
            self._refuse(413, f"expected a body of at most {self._limits.body_bytes} bytes")
        elif self._stage is not self._timed:
            self._rearm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        super().connection_lost(exc)
        for timer in (self._timer, self._stall):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """The client does not read; it may do so for a while."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self._limits.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    # --- httptools' callbacks -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins, perhaps right behind another."""
        super().on_message_begin()
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or trailer."""
        if len(self.headers) >= self._limits.headers:
            self._too_large = True
            raise _TooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is handed to the app; its body follows."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes:
            self._too_large = True
            raise _TooLarge
        self._stage = _Stage.BODY
        self._bytes = 0
        super().on_headers_complete()
        self.cycle.transport = _InOneGo(self.cycle, self.transport, self.loop)  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        """The request is here."""
        self._stage = _Stage.NOTHING
        super().on_message_complete()

    # --- ends ---------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Refuse what httptools cannot, or must not, read."""
        if self._too_large:
            self._refuse(431, self._head_text())
        else:
            self._refuse(400, "expected an HTTP/1.1 request as RFC 9112 has it, got something else")

    def _begin(self) -> None:
        self._stage = _Stage.HEAD
        self._bytes = 0

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timed = self._stage
        if self._stage is not _Stage.NOTHING:
            seconds = self._limits.head_seconds if self._stage is _Stage.HEAD else self._limits.body_seconds
            self._timer = self.loop.call_later(seconds, self._is_late)

    def _is_late(self) -> None:
        if self._stage is _Stage.HEAD and not self._bytes:
            self.transport.close()  # it never said a word
        else:
            self._refuse(408, "expected the whole request sooner; send it in one go")

    def _head_text(self) -> str:
        return f"expected at most {self._limits.headers} headers and {self._limits.head_bytes} bytes of them"

    def _refuse(self, status: int, detail: str) -> None:
        """Answer, unless an answer is on its way already, and hang up."""
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if answering:
            cycle.disconnected = True  # what waits for this client ends
            cycle.message_event.set()
        if not (answering and cycle.response_started):
            title = HTTPStatus(status).phrase
            code = HTTPStatus(status).name.lower()
            body = Problem(title=title, status=status, detail=detail, code=code).model_dump_json(exclude_none=True)
            headers = f"content-type: application/problem+json\r\ncontent-length: {len(body.encode())}\r\n"
            self.transport.write(STATUS_LINE[status] + f"{headers}connection: close\r\n\r\n{body}".encode())
        self.transport.close()
