"""The table `nights`: how every night ended."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from osiris_store import Table, read

Ending = Literal["skipped", "refused", "published", "failed"]

NAME = "nights"
_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("night", pa.string()),
        ("started_at", _TIME),
        ("ended_at", _TIME),
        ("ending", pa.string()),
        ("reason", pa.string()),
        ("version", pa.string()),
        ("base", pa.string()),
        ("data", pa.string()),
        ("code", pa.string()),
        ("seed", pa.int64()),
        ("train", pa.int64()),
        ("held_out", pa.int64()),
        ("regression", pa.int64()),
        ("win_rate", pa.float64()),
        ("report", pa.string()),
    ]
)


class Night(BaseModel):
    """How a night ended.

    Attributes:
        night: names what was done: data, base model, code, recipe and seed; the same again is not done again.
        reason: why it was skipped or refused, or failed; empty when it was published.
        version: of the model; empty when there is none.
        base, data, code: SHA-256 of what it was made from; empty when it did not come so far.
        report: its folder; empty when there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    night: str
    started_at: datetime
    ended_at: datetime
    ending: Ending
    reason: str = ""
    version: str = ""
    base: str = ""
    data: str = ""
    code: str = ""
    seed: int = 0
    train: int = 0
    held_out: int = 0
    regression: int = 0
    win_rate: float | None = None
    report: str = ""


class Nights:
    """The table in the folder `tables`."""

    def __init__(self, tables: Path) -> None:
        self._tables = tables

    def ended(self, night: str) -> Night | None:
        """How `night` ended, the newest time; None when it never did, or failed."""
        rows = asyncio.run(read(self._tables, NAME, f"night = '{night}' AND ending != 'failed'"))
        newest = max(rows, key=lambda row: row["ended_at"], default=None)
        return _night(newest) if newest else None

    def all(self) -> list[Night]:
        """Every night, the oldest first."""
        return [_night(row) for row in sorted(asyncio.run(read(self._tables, NAME)), key=lambda row: row["ended_at"])]

    def add(self, night: Night) -> None:
        """Write how a night ended, once however often it is told; a failed one once for each failure."""
        again = f"-{night.ended_at.isoformat()}" if night.ending == "failed" else ""
        row = night.model_dump() | {"id": f"{night.night}-{night.started_at.isoformat()}{again}"}
        asyncio.run(_write(self._tables, row))


async def _write(tables: Path, row: dict[str, Any]) -> None:
    table = await Table.open(tables, NAME, SCHEMA)
    await table.write([row])


def _night(row: dict[str, Any]) -> Night:
    return Night.model_validate({name: value for name, value in row.items() if name != "id"})
