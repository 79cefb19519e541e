"""One pipelined writer an instance: whatever accumulates while one batch is on its way goes out as the next."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError

from osiris_mesh.connection import Client
from osiris_mesh.tasks import end

MAX_BATCH = 512
RETRY_SECONDS = 15.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Command:
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any] | None


class Writer:
    """Sends commands in the order given, many a round trip, and rides out a restart of Redis.

    A batch whose connection broke is sent again: what it holds must be safe to send twice (a message id makes a
    second XADD harmless, an acknowledged entry a second commit).
    """

    def __init__(self, redis: Client) -> None:
        self._redis = redis
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
        self._task = None

    def put(self, *arguments: Any) -> None:
        """Queue a command whose answer nobody needs."""
        self._append(_Command(arguments, None))

    async def call(self, *arguments: Any) -> Any:
        """Queue a command and wait for its answer.

        Raises:
            redis.exceptions.ResponseError: Redis refused the command.
            redis.exceptions.ConnectionError: Redis stayed away for longer than RETRY_SECONDS.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._append(_Command(arguments, answer))
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
        give_up = asyncio.get_running_loop().time() + RETRY_SECONDS
        delay = 0.05
        while True:
            pipeline = self._redis.pipeline(transaction=False)
            for command in batch:
                pipeline.execute_command(*command.arguments)
            try:
                results: list[Any] = await pipeline.execute(raise_on_error=False)
            except (ConnectionError, TimeoutError, OSError) as error:
                failure: Exception = error
            except RedisError as error:  # such as an argument that cannot be sent
                _log.error("commands not sent", error=str(error), commands=len(batch))
                return [error] * len(batch)
            else:
                loading = next((result for result in results if isinstance(result, BusyLoadingError)), None)
                if loading is None:
                    return results
                failure = loading
            if asyncio.get_running_loop().time() > give_up:
                _log.error("redis is away", error=str(failure), commands=len(batch))
                return [failure] * len(batch)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)


def _settle(command: _Command, result: Any) -> None:
    if command.answer is None:
        if isinstance(result, Exception):
            _log.error("command failed", command=str(command.arguments[0]), error=str(result))
    elif not command.answer.done():
        if isinstance(result, Exception):
            command.answer.set_exception(result)
        else:
            command.answer.set_result(result)
