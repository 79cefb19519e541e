"""Reads streams without taking part: no group, nothing acknowledged."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from osiris_mesh.connection import Client

_READ = 500

START = b"0-0"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream, as it lies there."""

    stream: str
    id: str
    fields: dict[bytes, bytes]

    @property
    def text(self) -> dict[str, str]:
        """The fields as text; bytes that are no UTF-8 are backslash-escaped."""
        return {
            name.decode(errors="backslashreplace"): value.decode(errors="backslashreplace")
            for name, value in self.fields.items()
        }


async def last_ids(redis: Client, *streams: str) -> dict[str, bytes]:
    """Where each stream ends now."""
    ends = {}
    for stream in streams:
        newest = await redis.xrevrange(stream, count=1)
        ends[stream] = newest[0][0] if newest else START
    return ends


async def follow(
    redis: Client, after: Mapping[str, bytes], *, block_seconds: float = 1.0
) -> AsyncIterator[list[Entry]]:
    """What comes on the streams from `after` on, for ever; an empty list whenever nothing came for `block_seconds`.

    The entries of one list are in the order in which Redis took them, to the millisecond.
    """
    positions = dict(after)
    while True:
        found = await redis.xread(positions, count=_READ, block=int(block_seconds * 1000))
        entries = []
        for name, items in found or ():
            stream = name.decode()
            positions[stream] = items[-1][0]
            entries += [Entry(stream, entry_id.decode(), fields) for entry_id, fields in items]
        yield sorted(entries, key=lambda entry: int(entry.id.partition("-")[0]))


async def page(redis: Client, after: Mapping[str, bytes], count: int = _READ) -> list[Entry]:
    """What lies behind `after` on the streams, oldest first, at most `count` of each; empty when there is nothing.

    Where one stream holds more than that, entries of the others that are younger wait for a later page, so that page
    after page comes in the order of `follow`.
    """
    found = await redis.xread(dict(after), count=count)
    lists = [(name.decode(), items) for name, items in found or ()]
    cut = min((_milliseconds(items[-1][0]) for _, items in lists if len(items) == count), default=None)
    entries = [
        Entry(stream, entry_id.decode(), fields)
        for stream, items in lists
        for entry_id, fields in items
        if cut is None or _milliseconds(entry_id) <= cut
    ]
    return sorted(entries, key=lambda entry: int(entry.id.partition("-")[0]))


async def before_last(redis: Client, stream: str, count: int) -> bytes:
    """The position behind which the last `count` entries of `stream` lie."""
    newest = await redis.xrevrange(stream, count=count + 1)
    return newest[-1][0] if len(newest) > count else START


def _milliseconds(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


async def present(redis: Client, stream: str, last: int | None = None) -> AsyncIterator[Entry]:
    """What lies on `stream` now, oldest first: the `last` so many, or all."""
    if last is not None:
        if last:
            for entry_id, fields in reversed(await redis.xrevrange(stream, count=last)):
                yield Entry(stream, entry_id.decode(), fields)
        return
    end = (await last_ids(redis, stream))[stream]
    start = "-"
    while found := await redis.xrange(stream, min=start, max=end, count=_READ):
        for entry_id, fields in found:
            yield Entry(stream, entry_id.decode(), fields)
        start = f"({found[-1][0].decode()}"
