"""Entries put aside: kept as they came, with the reason, until somebody replays or drops them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from osiris_contracts import DeadLetter, streams
from osiris_mesh.connection import Client
from osiris_mesh.envelope import Fields

REASON_LENGTH = 1_000
_PREFIX = "dead-"

Entry = dict[bytes, bytes]


def letter(entry: Entry, *, entry_id: str, group: str, reason: str, deliveries: int) -> Fields:
    """The fields of a dead letter: the entry's own, as they came, plus why, when and how often."""
    return {
        **entry,
        f"{_PREFIX}id": entry_id,
        f"{_PREFIX}group": group,
        f"{_PREFIX}reason": reason[:REASON_LENGTH],
        f"{_PREFIX}deliveries": str(deliveries),
        f"{_PREFIX}time": datetime.now(UTC).isoformat(),
    }


class DeadLetters:
    """The dead letters of all streams."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def streams(self) -> dict[str, int]:
        """Streams that have dead letters, and how many."""
        found = {}
        async for key in self._redis.scan_iter(match=streams.dead("*"), _type="stream"):
            name = key.decode().removesuffix(streams.dead(""))
            if count := await self._redis.xlen(key):
                found[name] = count
        return dict(sorted(found.items()))

    async def list(self, stream: str, count: int = 100) -> list[DeadLetter]:
        """The newest `count` dead letters of `stream`, newest first."""
        entries = await self._redis.xrevrange(streams.dead(stream), count=count)
        return [_read(stream, entry_id, fields) for entry_id, fields in entries]

    async def show(self, stream: str, entry_id: str) -> DeadLetter | None:
        """One dead letter, or None when there is none with that id."""
        entries = await self._redis.xrange(streams.dead(stream), min=entry_id, max=entry_id)
        return _read(stream, *entries[0]) if entries else None

    async def replay(self, stream: str, entry_id: str) -> str | None:
        """Put a dead letter back on its stream as it had come; returns its new entry id, None when there is none."""
        entries = await self._redis.xrange(streams.dead(stream), min=entry_id, max=entry_id)
        if not entries:
            return None
        own = {name: value for name, value in entries[0][1].items() if not name.startswith(_PREFIX.encode())}
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(stream, own)
            pipeline.xdel(streams.dead(stream), entry_id)
            new_id, _ = await pipeline.execute()
        return str(new_id.decode())

    async def drop(self, stream: str, entry_id: str) -> bool:
        """Remove a dead letter for good; False when there is none with that id."""
        return bool(await self._redis.xdel(streams.dead(stream), entry_id))

    async def each(self, stream: str) -> AsyncIterator[str]:
        """Every dead letter's id, oldest first."""
        start = "-"
        while entries := await self._redis.xrange(streams.dead(stream), min=start, count=500):
            for entry_id, _ in entries:
                yield entry_id.decode()
            start = f"({entries[-1][0].decode()}"


def _read(stream: str, entry_id: bytes, fields: Entry) -> DeadLetter:
    text = {
        name.decode(errors="backslashreplace"): value.decode(errors="backslashreplace")
        for name, value in fields.items()
    }
    about = {name.removeprefix(_PREFIX): text.pop(name) for name in list(text) if name.startswith(_PREFIX)}
    return DeadLetter(
        stream=stream,
        entry_id=entry_id.decode(),
        original_id=about.get("id", ""),
        group=about.get("group", ""),
        reason=about.get("reason", ""),
        deliveries=int(about.get("deliveries", 0)),
        died_at=datetime.fromisoformat(about["time"]) if "time" in about else datetime.fromtimestamp(0, UTC),
        fields=text,
    )
