"""Carries out the schedule."""

import asyncio
import random
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.chaos.history.clients import Clients
from tests.chaos.history.history import History
from tests.chaos.history.redis_server import RedisServer
from tests.chaos.history.schedule import Operation
from tests.chaos.history.services import Desk
from tests.support.proxy import Proxy

FILL = 300


class Nemesis:
    """Does what the schedule says to the desk, its Redis and the wires between them."""

    def __init__(self, desk: Desk, redis: RedisServer, clients: Clients, history: History) -> None:
        self._desk = desk
        self._redis = redis
        self._clients = clients
        self._history = history
        self._lasting: set[asyncio.Task[None]] = set()

    async def run(self, operations: Sequence[Operation]) -> None:
        """Do all of it, then undo what lasts."""
        began = self._history.now()
        for operation in operations:
            await asyncio.sleep(max(0.0, began + operation.at - self._history.now()))
            if await self._do(operation):
                self._history.record("nemesis", op=operation.kind, target=operation.target, seconds=operation.seconds)
        await asyncio.gather(*self._lasting)

    async def _do(self, operation: Operation) -> bool:
        """Whether there was something to do it to."""
        member = self._desk.members[operation.target] if operation.target else None
        if operation.kind in ("kill", "restart", "pause") and (member is None or member.process.poll() is not None):
            return False
        match operation.kind:
            case "kill" if member:
                member.kill()
            case "restart" if member:
                member.restart()
            case "pause" if member:
                member.process.send(signal.SIGSTOP)
                self._later(operation.seconds, lambda: member.process.send(signal.SIGCONT))
            case "cut" if member:
                return member.proxy.cut() > 0
            case "deafen" if member:
                member.proxy.deaf = True
                self._later(operation.seconds, lambda: _reconnect(member.proxy))
            case "delay" if member:
                member.proxy.delay = 0.02 + 0.2 * random.Random(operation.number).random()
                self._later(operation.seconds, lambda: setattr(member.proxy, "delay", 0.0))
            case "poison":
                self._start(self._clients.poison(operation.number))
            case "fill":
                self._start(self._clients.fill(FILL))
            case "kill redis":
                self._redis.kill()
            case "power cut":
                self._redis.kill(lost_seconds=operation.seconds)
            case "pause redis":
                self._redis.pause()
                self._later(operation.seconds, self._redis.resume)
            case "flush":
                await self._redis.flush()
        return True

    def _later(self, seconds: float, undo: Callable[[], object]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            undo()

        self._start(wait())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._lasting.add(task)
        task.add_done_callback(self._lasting.discard)


def _reconnect(proxy: Proxy) -> None:
    proxy.deaf = False
    proxy.cut()
