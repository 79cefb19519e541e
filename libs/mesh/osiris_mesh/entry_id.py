"""Entry ids of streams, as numbers that compare."""

EntryId = tuple[int, int]

LAST: EntryId = (2**64 - 1, 2**64 - 1)


def parse_id(entry_id: bytes | str) -> EntryId:
    """An entry id as (milliseconds, sequence)."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)


def next_id(entry_id: EntryId) -> EntryId:
    """The smallest id behind `entry_id`."""
    milliseconds, sequence = entry_id
    return (milliseconds, sequence + 1) if sequence < LAST[1] else (milliseconds + 1, 0)


def format_id(entry_id: EntryId) -> str:
    """An id as Redis takes it."""
    return f"{entry_id[0]}-{entry_id[1]}"
