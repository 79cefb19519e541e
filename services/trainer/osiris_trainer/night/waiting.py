"""Corrections that no night has looked at. One that finds nothing new leaves no row, so each leaves the time it began:
that of an empty file beside the tables, which is all that the recorder shares with it everywhere."""

import os
from datetime import UTC, datetime
from pathlib import Path

from osiris_store import read

LOOKED = "nights.looked"


def looked(tables: Path, began: datetime) -> None:
    """A night that began then has seen what was said before, whatever it made of it."""
    tables.mkdir(parents=True, exist_ok=True)
    (tables / LOOKED).touch()
    os.utime(tables / LOOKED, (began.timestamp(), began.timestamp()))


async def waiting(tables: Path) -> list[datetime]:
    """When each was said, the oldest first."""
    stamp = tables / LOOKED
    since = datetime.fromtimestamp(stamp.stat().st_mtime if stamp.exists() else 0, UTC)
    where = f"feedback_type = 'correction' AND received_at > timestamp '{since.isoformat()}'"
    return sorted(row["received_at"] for row in await read(tables, "feedback", where, columns=("received_at",)))
