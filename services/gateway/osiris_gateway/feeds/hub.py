"""The one reader of the mesh's streams, and the feeds that hand on what it reads."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from redis.exceptions import RedisError

from osiris_gateway.feeds import place as places
from osiris_gateway.feeds.events import Event
from osiris_gateway.feeds.mailbox import Mailbox
from osiris_gateway.feeds.place import Place
from osiris_mesh import feed as mesh
from osiris_mesh.connection import Client
from osiris_mesh.entry_id import parse_id

Decode = Callable[[mesh.Entry], tuple[str, str] | None]

_AGAIN_SECONDS = 0.5
_PAGES_AT_ONCE = 8

_log = structlog.get_logger(__name__)


class Feed:
    """Some streams, as events for any number of clients.

    Args:
        streams: which; their order is part of event ids.
        decode: kind and data of an entry, or None.
        droppable: how many events of a kind may wait for a slow client before the oldest of them go.
        limit: how many of all other kinds may wait before the client is let go.
    """

    def __init__(
        self, redis: Client, streams: Sequence[str], decode: Decode, droppable: Mapping[str, int], limit: int
    ) -> None:
        self._redis = redis
        self.streams = tuple(streams)
        self._index = {stream: index for index, stream in enumerate(streams)}
        self._decode = decode
        self._droppable = droppable
        self._limit = limit
        self._states: dict[str, Event] = {}
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)
        self.opened = asyncio.Event()
        self.place = places.start(streams)
        self.mailboxes: set[Mailbox] = set()

    @contextmanager
    def mailbox(self) -> Iterator[Mailbox]:
        """What comes from now on, for one client."""
        box = Mailbox(self._droppable, self._limit)
        for event in self._states.values():
            box.tell(event)
        self.mailboxes.add(box)
        try:
            yield box
        finally:
            self.mailboxes.discard(box)

    def take(self, entry: mesh.Entry) -> None:
        """Hand on what was read."""
        index, entry_id = self._index[entry.stream], parse_id(entry.id)
        self.place = places.moved(self.place, index, entry_id)
        if self.mailboxes and (decoded := self._decode(entry)) is not None:
            event = Event(*decoded, index, entry_id, self.place)
            for box in self.mailboxes:
                box.put(event)

    def tell(self, event: Event) -> None:
        """Hand on how things are now, to whoever comes later as well; nothing happens when they are as they were."""
        known = self._states.get(event.kind)
        if known is None or known.data != event.data:
            self._states[event.kind] = event
            for box in self.mailboxes:
                box.tell(event)

    async def page(self, place: Place) -> tuple[list[Event], Place]:
        """What lies behind `place`, oldest first, and the place behind that; the same place when there is no more."""
        async with self._pages:
            entries = await mesh.page(self._redis, places.as_ids(place, self.streams))
        events = []
        for entry in entries:
            index, entry_id = self._index[entry.stream], parse_id(entry.id)
            place = places.moved(place, index, entry_id)
            if (decoded := self._decode(entry)) is not None:
                events.append(Event(*decoded, index, entry_id, place))
        return events, place

    async def beginning(self, counts: Mapping[str, int]) -> Place:
        """The place behind which lie, of every stream, as many entries as `counts` says; none of those it leaves out.

        Of a stream with few entries it is the very beginning.
        """
        async with self._pages:
            found = [await mesh.before_last(self._redis, stream, counts.get(stream, 0)) for stream in self.streams]
        return tuple(parse_id(each) for each in found)

    def close(self) -> None:
        """Let every client go."""
        for box in tuple(self.mailboxes):
            box.close()


class Hub:
    """Reads the streams of all feeds, once."""

    def __init__(self, redis: Client, feeds: Sequence[Feed]) -> None:
        self._redis = redis
        self._feeds = {stream: feed for feed in feeds for stream in feed.streams}

    async def open(self) -> None:
        """Stand at the end of every stream: from here on nothing is missed."""
        ends = await mesh.last_ids(self._redis, *self._feeds)
        for feed in set(self._feeds.values()):
            feed.place = tuple(parse_id(ends[stream]) for stream in feed.streams)
            feed.opened.set()

    async def run(self) -> None:
        """Read, for ever; clients are let go when it ends."""
        try:
            while True:
                try:
                    await self._follow()
                except (RedisError, OSError) as error:
                    _log.warning("streams not readable, trying again", error=str(error))
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            for feed in set(self._feeds.values()):
                feed.close()

    async def _follow(self) -> None:
        after: dict[str, bytes] = {}
        for feed in set(self._feeds.values()):
            after.update(places.as_ids(feed.place, feed.streams))
        async for entries in mesh.follow(self._redis, after):
            for number, entry in enumerate(entries):
                self._feeds[entry.stream].take(entry)
                if number % 64 == 63:
                    await asyncio.sleep(0)  # clients are served in between
