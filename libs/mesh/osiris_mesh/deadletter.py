"""Entries put aside: kept as they came, with the reason, until somebody replays or drops them.

One that is too large for the mesh is cut: of every field its beginning is kept, of many fields the first.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from osiris_contracts import DeadLetter, streams
from osiris_mesh.connection import Client
from osiris_mesh.entry_id import parse_id
from osiris_mesh.envelope import Fields, excess, size_of
from osiris_mesh.errors import REASON_LENGTH

CUT_FIELDS = 16
CUT_BYTES = 1_000
_PREFIX = "dead-"
_CUT = f"{_PREFIX}cut"
_READ = 500

Entry = dict[bytes, bytes]


def letter(entry: Entry, *, entry_id: str, group: str, reason: str, deliveries: int) -> Fields:
    """The fields of a dead letter: the entry's own, as they came, plus why, when and how often."""
    own: Fields = dict(entry)
    if excess(entry):
        own = {name[:CUT_BYTES]: value[:CUT_BYTES] for name, value in list(entry.items())[:CUT_FIELDS]}
        own[_CUT] = f"{size_of(entry)} bytes in {len(entry)} fields"
    return {
        **own,
        f"{_PREFIX}id": entry_id,
        f"{_PREFIX}group": group,
        f"{_PREFIX}reason": reason[:REASON_LENGTH],
        f"{_PREFIX}deliveries": str(deliveries),
        f"{_PREFIX}time": datetime.now(UTC).isoformat(),
    }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters are meant: those that fit all that is set.

    Attributes:
        group: the consumer group that gave up.
        reason: a part of the reason, upper or lower case.
        since: died then or later.
        ids: entry ids in the dead-letter stream; empty for any.
    """

    group: str | None = None
    reason: str | None = None
    since: datetime | None = None
    ids: frozenset[str] = frozenset()

    def fits(self, letter: DeadLetter) -> bool:
        """Whether `letter` is meant."""
        return (
            (self.group is None or letter.group == self.group)
            and (self.reason is None or self.reason.casefold() in letter.reason.casefold())
            and (self.since is None or letter.died_at >= self.since)
            and (not self.ids or letter.entry_id in self.ids)
        )


EVERY: Final = Filter()


class DeadLetters:
    """The dead letters of all streams."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def streams(self) -> dict[str, int]:
        """Streams that have dead letters, and how many."""
        found = {}
        async for key in self._redis.scan_iter(match=streams.dead("*"), _type="stream"):
            name = key.decode(errors="backslashreplace").removesuffix(streams.dead(""))
            if count := await self._redis.xlen(key):
                found[name] = count
        return dict(sorted(found.items()))

    async def list(self, stream: str, count: int = 100, where: Filter = EVERY) -> list[DeadLetter]:
        """The newest `count` dead letters of `stream` that are meant, newest first."""
        found: list[DeadLetter] = []
        end = "+"
        while entries := await self._redis.xrevrange(streams.dead(stream), max=end, count=_READ):
            letters = (_read(stream, entry_id, fields) for entry_id, fields in entries)
            found += [letter for letter in letters if where.fits(letter)]
            if len(found) >= count:
                break
            end = f"({entries[-1][0].decode()}"
        return found[:count]

    async def show(self, stream: str, entry_id: str) -> DeadLetter | None:
        """One dead letter, or None when there is none with that id."""
        entries = await self._redis.xrange(streams.dead(stream), min=entry_id, max=entry_id)
        return _read(stream, *entries[0]) if entries else None

    async def replay(self, stream: str, entry_id: str) -> str | None:
        """Put a dead letter back on its stream; returns its new entry id, None when there is none, or it was cut.

        It goes as it had come, but for its deadline: whoever replays it wants it done now.
        """
        entries = await self._redis.xrange(streams.dead(stream), min=entry_id, max=entry_id)
        if not entries or _CUT.encode() in entries[0][1]:
            return None
        own = {
            name: value
            for name, value in entries[0][1].items()
            if not name.startswith(_PREFIX.encode()) and name != b"deadline"
        }
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(stream, own)
            pipeline.xdel(streams.dead(stream), entry_id)
            new_id, _ = await pipeline.execute()
        return str(new_id.decode())

    async def drop(self, stream: str, entry_id: str) -> bool:
        """Remove a dead letter for good; False when there is none with that id."""
        return bool(await self._redis.xdel(streams.dead(stream), entry_id))

    async def each(self, stream: str, where: Filter = EVERY) -> AsyncIterator[DeadLetter]:
        """Every dead letter that is meant, oldest first."""
        start = "-"
        while entries := await self._redis.xrange(streams.dead(stream), min=start, count=_READ):
            for entry_id, fields in entries:
                if where.fits(letter := _read(stream, entry_id, fields)):
                    yield letter
            start = f"({entries[-1][0].decode()}"


def _read(stream: str, entry_id: bytes, fields: Entry) -> DeadLetter:
    text = {
        name.decode(errors="backslashreplace"): value.decode(errors="backslashreplace")
        for name, value in fields.items()
    }
    about = {name.removeprefix(_PREFIX): text.pop(name) for name in list(text) if name.startswith(_PREFIX)}
    deliveries = about.get("deliveries", "")
    return DeadLetter(
        stream=stream,
        entry_id=entry_id.decode(),
        original_id=about.get("id", ""),
        group=about.get("group", ""),
        reason=about.get("reason", ""),
        deliveries=int(deliveries) if deliveries.isascii() and deliveries.isdigit() else 0,
        cut=about.get("cut"),
        died_at=_time(about.get("time", "")) or datetime.fromtimestamp(parse_id(entry_id)[0] // 1000, UTC),
        fields=text,
    )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
