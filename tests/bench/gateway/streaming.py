"""Streamed answers, counted by a client that does as little as it can: events end with an empty line."""

import asyncio
import json
import time

from tests.bench.gateway.load import LONGEST_SECONDS, LOOPBACK, post


async def chunks_per_second(port: int, *, clients: int, chunks: int) -> float:
    """Chunks of all answers together, from the first request to the last answer's end."""
    loop = asyncio.get_running_loop()
    body = json.dumps({"prompt": "Tell me a long story.", "max_length": chunks, "stream": True}).encode()
    request = post("/generate/", body)
    began = time.perf_counter()
    connected = [await loop.create_connection(lambda: _Reader(request), LOOPBACK, port) for _ in range(clients)]
    events = await asyncio.wait_for(asyncio.gather(*(reader.events for _, reader in connected)), LONGEST_SECONDS)
    took = time.perf_counter() - began
    if events != [chunks + 1] * clients:  # and the result
        raise RuntimeError(f"expected {chunks + 1} events of each answer, got {events}")
    return clients * chunks / took


class _Reader(asyncio.Protocol):
    """One streamed answer: how many events it had."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._count = 0
        self._last = b""
        self.events: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        seen = self._last + data
        self._count += seen.count(b"\n\n")
        self._last = seen[-1:]
        if data.endswith(b"0\r\n\r\n"):
            self._transport.close()
            self.events.set_result(self._count)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.events.done():
            self.events.set_exception(error or ConnectionError("expected the whole answer, the connection was closed"))
