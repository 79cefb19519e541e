"""Who may run, by the room there is for keys and values."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import get_args

from osiris_contracts import Priority
from osiris_inference.protocol import QueueFull

_RANK = {priority: rank for rank, priority in enumerate(get_args(Priority))}


@dataclass(order=True, slots=True)
class _Waiting:
    rank: int
    number: int
    tokens: int = field(compare=False)
    admitted: asyncio.Future[None] = field(compare=False)


class Admission:
    """Lets a request in when all its tokens have room, so that none that runs is ever thrown out again.

    Interactive requests go before the desk's, batch goes last; in their order of arrival within one.

    Args:
        tokens: that have room in the key/value cache.
        slots: requests that run at once.
        waiting: requests that may wait.
    """

    def __init__(self, *, tokens: int, slots: int, waiting: int) -> None:
        self.capacity = tokens
        self._free_tokens = tokens
        self._free_slots = self._slots = slots
        self._limit = waiting
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def running(self) -> int:
        """Requests that are in."""
        return self._slots - self._free_slots

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return sum(not each.admitted.done() for each in self._waiting)

    @asynccontextmanager
    async def room(self, tokens: int, priority: Priority) -> AsyncIterator[None]:
        """Wait for room for `tokens`, at most `capacity`, and have it for the length of the block.

        Raises:
            QueueFull: too many wait.
        """
        if self.waiting >= self._limit:
            raise QueueFull(f"expected fewer than {self._limit} waiting requests; try again in a few seconds")
        entry = _Waiting(_RANK[priority], next(self._numbers), tokens, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, entry)
        self._admit()
        try:
            await entry.admitted
        except asyncio.CancelledError:
            if entry.admitted.done() and not entry.admitted.cancelled():
                self._release(tokens)
            self._admit()
            raise
        try:
            yield
        finally:
            self._release(tokens)

    async def drained(self) -> None:
        """Until nothing runs."""
        await self._empty.wait()

    def _admit(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if not first.admitted.done():
                if first.tokens > self._free_tokens or not self._free_slots:
                    return
                self._free_tokens -= first.tokens
                self._free_slots -= 1
                self._empty.clear()
                first.admitted.set_result(None)
            heapq.heappop(self._waiting)

    def _release(self, tokens: int) -> None:
        self._free_tokens += tokens
        self._free_slots += 1
        if not self.running:
            self._empty.set()
        self._admit()
