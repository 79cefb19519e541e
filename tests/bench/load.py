"""A small HTTP/1.1 load generator: keep-alive connections, one request at a time on each."""

import asyncio
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a run of requests took."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


async def drive(port: int, path: str, body: bytes, *, requests: int, connections: int) -> Load:
    """Send `requests` POSTs over `connections` connections; a status other than 2xx raises."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    seconds: list[float] = []

    async def one_connection(share: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(share):
            started = time.perf_counter()
            writer.write(head + body)
            headers = await reader.readuntil(b"\r\n\r\n")
            status, length = headers.split(b" ", 2)[1], _content_length(headers)
            answer = await reader.readexactly(length)
            if not status.startswith(b"2"):
                raise RuntimeError(f"{path} answered {status.decode()}: {answer[:200]!r}")
            seconds.append(time.perf_counter() - started)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one_connection(requests // connections) for _ in range(connections)))
    took = time.perf_counter() - began
    cuts = statistics.quantiles(seconds, n=100)
    return Load(len(seconds) / took, cuts[49] * 1e3, cuts[98] * 1e3)


def _content_length(headers: bytes) -> int:
    for line in headers.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    raise RuntimeError("expected a content-length header")
