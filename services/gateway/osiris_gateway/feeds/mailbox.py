"""What waits for one client: bounded, whatever the client does."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import itemgetter

from osiris_gateway.feeds.events import Event

AT_ONCE = 256
"""Events that are taken out together; what waits behind them may still be dropped."""


class Mailbox:
    """Keeps events in order until they are taken.

    Of droppable kinds the oldest go first when there are too many. Of the others none ever goes: a client with too
    many of them waiting is let go, and reads on from its last event when it comes back.

    Args:
        droppable: how many of each such kind may wait.
        limit: how many of all others.
    """

    def __init__(self, droppable: Mapping[str, int], limit: int) -> None:
        self._queues: dict[str, deque[tuple[int, Event]]] = {kind: deque() for kind in droppable}
        self._limits = dict(droppable)
        self._kept: deque[tuple[int, Event]] = deque()
        self._limit = limit
        self._states: dict[str, Event] = {}
        self._count = 0
        self._filled = asyncio.Event()
        self.dropped = dict.fromkeys(droppable, 0)
        self.closed = False

    def __len__(self) -> int:
        return len(self._kept) + len(self._states) + sum(map(len, self._queues.values()))

    def put(self, event: Event) -> None:
        """Keep an event for the client."""
        if self.closed:
            return
        self._count += 1
        queue = self._queues.get(event.kind)
        if queue is None:
            if len(self._kept) >= self._limit:
                self.close()
                return
            self._kept.append((self._count, event))
        else:
            if len(queue) >= self._limits[event.kind]:
                queue.popleft()
                self.dropped[event.kind] += 1
            queue.append((self._count, event))
        self._filled.set()

    def tell(self, event: Event) -> None:
        """Keep how things are now, in place of how they were."""
        if not self.closed:
            self._states[event.kind] = event
            self._filled.set()

    def close(self) -> None:
        """Let the client go, with nothing more."""
        self.closed = True
        self._kept.clear()
        self._states.clear()
        for queue in self._queues.values():
            queue.clear()
        self._filled.set()

    async def take(self, seconds: float) -> list[Event]:
        """The next events; waits for the first, at most so long."""
        if not self._filled.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._filled.wait()
            except TimeoutError:
                return []
        taken = [*self._oldest(), *self._states.values()]
        self._states.clear()
        if not len(self) and not self.closed:
            self._filled.clear()
        return taken

    def _oldest(self) -> list[Event]:
        queues = [queue for queue in (self._kept, *self._queues.values()) if queue]
        if len(queues) > 1:
            numbers = [number for number, _ in islice(merge(*queues, key=itemgetter(0)), AT_ONCE)]
            first = [numbered for queue in queues for numbered in _until(numbers[-1], queue)]
            return [event for _, event in sorted(first, key=itemgetter(0))]
        return [queue.popleft()[1] for queue in queues for _ in range(min(len(queue), AT_ONCE))]


def _until(last: int, queue: deque[tuple[int, Event]]) -> Iterator[tuple[int, Event]]:
    """Take out of a queue what came up to number `last`."""
    while queue and queue[0][0] <= last:
        yield queue.popleft()
