"""The lineage in a terminal."""

from collections.abc import Iterator

from osiris_dgm.archive.record import Record


def tree_lines(records: list[Record]) -> Iterator[str]:
    """A line a version, its children below it: what was changed, how far it came, its score."""
    children: dict[str | None, list[Record]] = {}
    known = {record.version for record in records}
    for record in records:
        parent = record.parents[0] if record.parents and record.parents[0] in known else None
        children.setdefault(parent, []).append(record)
    pending = [(record, 0) for record in reversed(children.get(None, []))]
    while pending:
        record, depth = pending.pop()
        yield f"{'  ' * depth}{_line(record)}"
        pending += [(child, depth + 1) for child in reversed(children.get(record.version, []))]


def _line(record: Record) -> str:
    change = " ".join(record.change) if record.change else "root"
    fate = "accepted" if record.accepted else f"failed at {record.failed_at}"
    score = "" if record.score is None else f"  score {record.score:+.4f}"
    return f"{record.version}  {change}  {fate}{score}"
