"""One client's feed: what it missed, then what happens, and a sign of life in between."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from osiris_contracts import CaughtUp, Dropped
from osiris_gateway.feeds import place as places
from osiris_gateway.feeds.events import PIECE, TICK, Event, state
from osiris_gateway.feeds.hub import Feed
from osiris_gateway.feeds.mailbox import Mailbox
from osiris_gateway.feeds.place import Place

KEEP_ALIVE = b": keep-alive\n\n"
_HELLO = b"retry: 1000\n\n"


class Reader:
    """Serves one client.

    Args:
        place: behind which it begins.
        idle_seconds: after so long without an event comes a comment.
        on_caught_up: called as soon as it follows what happens.
        tells_states: whether it hears of caught-up and dropped as well.
    """

    def __init__(
        self,
        feed: Feed,
        place: Place,
        *,
        idle_seconds: float,
        on_caught_up: Callable[[], None] = lambda: None,
        tells_states: bool = True,
    ) -> None:
        self._feed = feed
        self._place = place
        self._idle_seconds = idle_seconds
        self._on_caught_up = on_caught_up
        self._tells_states = tells_states

    async def read(self) -> AsyncGenerator[bytes]:
        """Bytes to send, until the client is let go. No entry is left out and none comes twice."""
        yield _HELLO
        await self._feed.opened.wait()
        async with aclosing(self._catch_up()) as pages:
            async for page in pages:
                yield page
        # what comes from here on waits in the mailbox; what came before lies in the streams
        with self._feed.mailbox() as box:
            async with aclosing(self._catch_up()) as pages:
                async for page in pages:
                    yield page
            self._on_caught_up()
            if self._tells_states:
                yield state("live", CaughtUp()).wire
            async with aclosing(self._follow(box)) as rest:
                async for part in rest:
                    yield part

    async def _catch_up(self) -> AsyncGenerator[bytes]:
        while True:
            events, place = await self._feed.page(self._place)
            if place == self._place:
                return
            self._place = place
            if events:
                yield b"".join(event.wire for event in events)

    async def _follow(self, box: Mailbox) -> AsyncGenerator[bytes]:
        told = dict(box.dropped)
        while True:
            events = await box.take(self._idle_seconds)
            if box.closed:
                return
            parts = [self._wire(event) for event in events]
            if self._tells_states and box.dropped != told:
                told = dict(box.dropped)
                parts.append(state("dropped", Dropped(ticks=told[TICK], pieces=told[PIECE])).wire)
            yield b"".join(parts) or KEEP_ALIVE

    def _wire(self, event: Event) -> bytes:
        """An event as this client must get it; nothing if it has it already."""
        if event.place is None:
            return event.wire
        if event.entry_id <= self._place[event.index]:
            return b""
        if all(theirs >= ours for theirs, ours in zip(event.place, self._place, strict=True)):
            self._place = event.place
            return event.wire
        self._place = places.moved(self._place, event.index, event.entry_id)  # it read ahead of the hub
        return event.at(self._place)
