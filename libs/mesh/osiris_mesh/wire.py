"""A connection to Redis for one hot loop: what goes out together is one write, and its answers come back in order.

redis-py's client takes a connection from its pool, a task and a timer for every command; here they are paid once.
"""

import asyncio
import builtins
import math
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.exceptions import DataError, ResponseError, TimeoutError

from osiris_mesh.connection import Client


class Wire:
    """Connects when it is first used, and again after it broke. One round trip at a time.

    Args:
        redis: whose server, user and password it uses.
    """

    def __init__(self, redis: Client) -> None:
        self._connection = redis.connection_pool.make_connection()
        self._patience: float | None = self._connection.socket_timeout
        self._connection.socket_timeout = None  # one timer a round trip, not one for every part of it

    async def round_trip(self, commands: Sequence[bytes]) -> list[Any]:
        """The answers; what Redis refused is a ResponseError among them.

        Raises:
            redis.exceptions.ConnectionError, OSError: the connection broke; nobody knows which commands were done.
            redis.exceptions.TimeoutError: Redis was silent for longer than the client's socket timeout; as above.
        """
        try:
            async with asyncio.timeout(self._patience):
                if not self._connection.is_connected:
                    await self._connection.connect()  # sending would not ask Sentinel for the master
                await self._connection.send_packed_command(b"".join(commands), check_health=False)
                return [await self._answer() for _ in commands]
        except builtins.TimeoutError:
            raise TimeoutError(f"expected an answer of Redis within {self._patience:g} s, none came") from None

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect()

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response(timeout=math.inf)
        except ResponseError as error:
            return error


def packed(*arguments: Any) -> bytes:
    """A command as it goes over the wire.

    Raises:
        redis.exceptions.DataError: an argument is neither text, bytes nor a number.
    """
    try:
        command: bytes = pack_command(arguments)
    except (TypeError, UnicodeError) as error:
        raise DataError(f"expected arguments of text, bytes or numbers for {arguments[0]}: {error}") from error
    return command
