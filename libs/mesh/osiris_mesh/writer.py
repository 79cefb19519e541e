"""One pipelined writer an instance: whatever accumulates while one batch is on its way goes out as the next."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import ConnectionError, TimeoutError

from osiris_mesh.connection import Client
from osiris_mesh.tasks import end
from osiris_mesh.wire import Wire, packed

MAX_BATCH = 512
RETRY_SECONDS = 15.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Command:
    packed: bytes
    answer: asyncio.Future[Any] | None


class Writer:
    """Sends commands in the order given, many a round trip, and rides out a restart of Redis.

    A batch whose connection broke is sent again: what it holds must be safe to send twice (a message id makes a
    second XADD harmless, an acknowledged entry a second commit).
    """

    def __init__(self, redis: Client) -> None:
        self._wire = Wire(redis)
        self._queue: deque[_Command] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name="mesh-writer")

    async def stop(self) -> None:
        """Send what is queued, then end."""
        if self._task is None:
            return
        idle = asyncio.create_task(self._idle.wait())
        await asyncio.wait({idle, self._task}, return_when=asyncio.FIRST_COMPLETED)  # the task may be cancelled already
        await end(idle, self._task)
        await self._wire.close()
        self._task = None

    def put(self, *arguments: Any) -> None:
        """Queue a command whose answer nobody needs.

        Raises:
            redis.exceptions.DataError: it cannot be sent.
        """
        self._append(_Command(packed(*arguments), None))

    async def call(self, *arguments: Any) -> Any:
        """Queue a command and wait for its answer.

        Raises:
            redis.exceptions.DataError: it cannot be sent.
            redis.exceptions.ResponseError: Redis refused the command.
            redis.exceptions.ConnectionError: Redis stayed away for longer than RETRY_SECONDS.
        """
        command = packed(*arguments)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._append(_Command(command, answer))
        return await answer

    def _append(self, command: _Command) -> None:
        self._queue.append(command)
        self._idle.clear()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
                for command, result in zip(batch, await self._send(batch), strict=True):
                    _settle(command, result)
            self._idle.set()

    async def _send(self, batch: list[_Command]) -> list[Any]:
        commands = [command.packed for command in batch]
        give_up = asyncio.get_running_loop().time() + RETRY_SECONDS
        delay = 0.05
        while True:
            try:
                return await self._wire.round_trip(commands)
            except (ConnectionError, TimeoutError, OSError) as error:  # also while Redis still loads its file
                failure: Exception = error
            if asyncio.get_running_loop().time() > give_up:
                _log.error("redis is away", error=str(failure), commands=len(batch))
                return [ConnectionError(str(failure))] * len(batch)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)


def _settle(command: _Command, result: Any) -> None:
    if command.answer is None:
        if isinstance(result, Exception):
            _log.error("command failed", command=command.packed[:40], error=str(result))
    elif not command.answer.done():
        if isinstance(result, Exception):
            command.answer.set_exception(result)
        else:
            command.answer.set_result(result)
