"""A load generator that costs little beside what it measures: connections kept, one request at a time on each."""

import asyncio
import statistics
import time
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Load:
    """What a run of requests took."""

    requests: int
    per_second: float
    p50_ms: float


def post(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


async def drive(port: int, request: bytes, *, clients: int, seconds: float) -> Load:
    """Send `request` for so long over so many connections; a status other than 2xx raises."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = time.perf_counter()
    connected = [
        await loop.create_connection(lambda: _Client(request, began + seconds, latencies), LOOPBACK, port)
        for _ in range(clients)
    ]
    await asyncio.wait_for(asyncio.gather(*(client.done for _, client in connected)), LONGEST_SECONDS)
    took = time.perf_counter() - began
    return Load(len(latencies), len(latencies) / took, statistics.median(latencies) * 1e3)


class _Client(asyncio.Protocol):
    """One connection: asks again as soon as it was answered, until it is `end`."""

    def __init__(self, request: bytes, end: float, latencies: list[float]) -> None:
        self._request = request
        self._end = end
        self._latencies = latencies
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self._fail(RuntimeError(f"expected an answer, got {self._received[:300]!r}"))
            return
        now = time.perf_counter()
        self._latencies.append(now - self._began)
        if now < self._end:
            self._ask()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("expected an answer, the connection was closed"))

    def _ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    raise RuntimeError(f"expected a content-length header, got {head!r}")
