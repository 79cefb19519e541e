"""Taking over what other consumers of a group left."""

from osiris_mesh.connection import Client

Entry = tuple[bytes, dict[bytes, bytes]]

_BEGINNING = b"0-0"


async def take_over(redis: Client, stream: str, group: str, consumer: str, *, idle_ms: int, count: int) -> list[Entry]:
    """Claim at most `count` entries whose consumers were silent about them for `idle_ms`, the oldest first.

    One call looks at ten pending entries for each that is asked for, so what live workers hold may hide the rest.
    """
    found: list[Entry] = []
    gone = False
    cursor = _BEGINNING
    while len(found) < count:
        cursor, entries, *_ = await redis.xautoclaim(stream, group, consumer, idle_ms, cursor, count=count - len(found))
        found += [(entry_id, fields) for entry_id, fields in entries if entry_id is not None]
        gone = gone or any(entry_id is None for entry_id, _ in entries)
        if cursor == _BEGINNING:
            break
    if gone:
        await _forget_deleted(redis, stream, group, consumer)
    return found


async def _forget_deleted(redis: Client, stream: str, group: str, consumer: str) -> None:
    """Acknowledge entries that are in the stream no more; from 7.0 on Redis does it by itself."""
    held = await redis.xpending_range(stream, group, min="-", max="+", count=10_000, consumername=consumer)
    for entry_id in (entry["message_id"] for entry in held):
        if not await redis.xrange(stream, min=entry_id, max=entry_id):
            await redis.xack(stream, group, entry_id)
