"""Writes decisions to the table of runs, each once."""

from collections.abc import Sequence
from pathlib import Path

from osiris_contracts import Decision
from osiris_orchestrator.rows import RUNS, run_row
from osiris_store import Table


class Recorder:
    """The table of runs in one database folder."""

    def __init__(self, tables: Path) -> None:
        self._tables = tables

    async def open(self) -> None:
        """Make the table when it is missing. It stays open: it counts its writes, and compacts by them."""
        self._runs = await Table.open(self._tables, "runs", RUNS)

    async def decisions(self, events: Sequence[Decision]) -> None:
        """Record decisions."""
        await self._runs.write([run_row(event) for event in events])
