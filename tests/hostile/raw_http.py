"""HTTP as nobody should speak it: bytes on a socket, and what comes back."""

import asyncio
import json
import re
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What came back before the gateway hung up, or `wait` was over.

    Attributes:
        raw: every byte.
        closed: whether the gateway hung up.
    """

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """Of every answer, in order."""
        return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.raw)]

    @property
    def problem(self) -> dict[str, Any]:
        """The body of a single answer."""
        found: dict[str, Any] = json.loads(self.raw.partition(b"\r\n\r\n")[2])
        return found


async def send(port: int, *pieces: bytes, pause: float = 0.0, wait: float = 2.0) -> Answer:
    """Send pieces with a pause between them, then listen."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()
    closed = False

    async def listen() -> None:
        nonlocal closed
        try:
            while piece := await reader.read(65_536):
                received.extend(piece)
        except ConnectionError:
            pass
        closed = True

    listening = asyncio.create_task(listen())
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        pass
    await asyncio.wait({listening}, timeout=wait)
    listening.cancel()
    writer.transport.abort()
    return Answer(bytes(received), closed)


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request as it should be, for tests that then spoil it."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body
