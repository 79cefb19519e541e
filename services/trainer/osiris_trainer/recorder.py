"""Writes events to LanceDB tables and JSON-lines logs, each once."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated, ProposalOutcome
from osiris_store import JsonLines, Table
from osiris_trainer import rows

_READERS = timedelta(minutes=1)  # a replaced version stays at least that long for those who still read it


class Recorder:
    """The tables in one database folder, and the logs in another.

    Args:
        assessment_log: file of the critiques.
        feedback_log: file of the feedback.
        tables: folder of the tables.
        now: the clock, UTC.
        keep: how long replaced versions of the tables stay.
        compact_seconds: between two compactions.
    """

    def __init__(
        self,
        *,
        assessment_log: Path,
        feedback_log: Path,
        tables: Path,
        now: Callable[[], datetime],
        keep: timedelta,
        compact_seconds: float,
    ) -> None:
        self._assessment_path = assessment_log
        self._feedback_path = feedback_log
        self._folder = tables
        self._now = now
        self._keep = max(keep, _READERS)
        self._compact_seconds = compact_seconds
        self._files = ExitStack()

    async def open(self) -> None:
        """Make what is missing, and give tables of an earlier version their new columns.

        Raises:
            BlockingIOError: another trainer writes here.
            ValueError: a table has columns that are not ours.
        """
        # the logs first: who holds them is the only trainer here, and may migrate the tables
        self._assessment_log = self._files.enter_context(await self._log(self._assessment_path))
        self._feedback_log = self._files.enter_context(await self._log(self._feedback_path))
        self._proposals = await self._table("proposals", rows.PROPOSALS)
        self._assessments = await self._table("assessments", rows.ASSESSMENTS)
        self._feedback = await self._table("feedback", rows.FEEDBACK)
        self._outcomes = await self._table("outcomes", rows.OUTCOMES)

    async def close(self) -> None:
        """Let another trainer write."""
        self._files.close()

    async def keep_compacting(self) -> None:
        """Merge small files on a schedule, for ever; a table also does so by itself after many writes."""
        while True:
            await asyncio.sleep(self._compact_seconds)
            for table in (self._proposals, self._assessments, self._feedback, self._outcomes):
                await table.compact()

    async def proposals(self, events: Sequence[ProposalCreated]) -> None:
        """Record proposals."""
        await self._proposals.write([rows.proposal_row(event) for event in events])

    async def assessments(self, events: Sequence[ProposalAssessed]) -> None:
        """Record critiques, with what they are about."""
        await self._assessments.write([rows.assessment_row(event) for event in events])
        await self._assessment_log.append([rows.assessment_line(event) for event in events])

    async def feedback(self, events: Sequence[Feedback]) -> None:
        """Record what the owner said."""
        await self._feedback.write([rows.feedback_row(event) for event in events])
        await self._feedback_log.append([rows.feedback_line(event) for event in events])

    async def outcomes(self, events: Sequence[ProposalOutcome]) -> None:
        """Record what the market made of proposals."""
        now = self._now()
        await self._outcomes.write([rows.outcome_row(event, now) for event in events])

    async def _table(self, name: str, schema: pa.Schema) -> Table:
        return await Table.open(self._folder, name, schema, keep=self._keep, older=rows.OLDER)

    async def _log(self, path: Path) -> JsonLines:
        return await asyncio.to_thread(JsonLines, path)
