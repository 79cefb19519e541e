"""Writes events to LanceDB tables and JSON-lines logs, each once."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated
from osiris_store import JsonLines, Table
from osiris_trainer import rows

ASSESSMENT_LOG = "phi3_feedback_log.jsonl"
FEEDBACK_LOG = "phi3_feedback_data.jsonl"


class Recorder:
    """The tables in one database folder, and the logs in another."""

    def __init__(self, *, logs: Path, tables: Path) -> None:
        self._logs = logs
        self._tables = tables
        self._files = ExitStack()

    async def open(self) -> None:
        """Make what is missing.

        Raises:
            BlockingIOError: another trainer writes here.
        """
        self._proposals = await Table.open(self._tables, "proposals", rows.PROPOSALS)
        self._assessments = await Table.open(self._tables, "assessments", rows.ASSESSMENTS)
        self._feedback = await Table.open(self._tables, "feedback", rows.FEEDBACK)
        self._assessment_log = self._files.enter_context(await self._log(ASSESSMENT_LOG))
        self._feedback_log = self._files.enter_context(await self._log(FEEDBACK_LOG))

    async def close(self) -> None:
        """Let another trainer write."""
        self._files.close()

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

    async def _log(self, name: str) -> JsonLines:
        return await asyncio.to_thread(JsonLines, self._logs / name)
