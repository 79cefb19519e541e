"""A TCP door to Redis for one process: it can be cut, it can be slow, and answers can get lost in it."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

_CHUNK = 65_536


class Proxy:
    """Passes bytes between a port of its own and a unix socket.

    Args:
        socket: says where it is now.

    Attributes:
        delay: seconds that every piece waits, in either direction.
        deaf: what Redis answers is dropped; cut the connections afterwards, for they have missed something.
    """

    def __init__(self, socket: Callable[[], Path]) -> None:
        self.delay = 0.0
        self.deaf = False
        self.port = 0
        self._socket = socket
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """What redis-py connects to."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and cut what is open."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> int:
        """Break every connection, with whatever is on its way; returns how many there were."""
        count = len(self._open) // 2
        for writer in list(self._open):
            writer.transport.abort()
        return count

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_redis, to_redis = await asyncio.open_unix_connection(self._socket())
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, to_redis}
        try:
            await asyncio.gather(self._pump(reader, to_redis), self._pump(from_redis, writer, answers=True))
        except OSError:
            pass
        finally:
            self._open -= {writer, to_redis}
            for each in (writer, to_redis):
                with contextlib.suppress(OSError):
                    each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        while piece := await reader.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.deaf and answers:
                continue
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError  # one side is gone, so is the other
