"""What the feedback store holds, read from its tables while the trainer writes them or not."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from osiris_store import read

OUTCOME = "outcome"

_JSON = frozenset({"feedback_content", "corrected_proposal", "original_proposal", "proposal", "corrections"})
_OF_THE_TABLE = ("id", "rating")  # what the log does not have, or under another name


@dataclass(frozen=True, slots=True)
class Record:
    """One row.

    Attributes:
        when: it was said, UTC.
        kind: correction, rating, qualitative_comment, outcome; or proposal, assessment.
        transaction_id: the proposal it is about.
        facts: as the log has them.
    """

    when: datetime
    kind: str
    transaction_id: str
    facts: dict[str, Any]

    @property
    def summary(self) -> str:
        """What it says, in a few words."""
        if self.kind == OUTCOME:
            return f"{self.facts['pnl']:+.2f} after {self.facts['horizon_bars']} bars"
        said = self.facts["feedback_content"]
        words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        words = words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…"
        return f"{_terms(self.facts['corrected_proposal'])}: {words}" if self.kind == "correction" else words


_WORDS = 60


class Records:
    """The rows of the tables in one folder."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        self._said = [*map(_feedback, tables["feedback"]), *map(_outcome, tables["outcomes"])]
        self._said.sort(key=lambda each: (each.when, each.transaction_id), reverse=True)
        self._proposals = [_plain(row, "proposal", "created_at") for row in tables["proposals"]]
        self._assessments = [_plain(row, "assessment", "assessed_at") for row in tables["assessments"]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What is there now; nothing where nothing was recorded yet."""

        async def tables() -> dict[str, list[dict[str, Any]]]:
            names = ("proposals", "assessments", "feedback", "outcomes")
            return dict(zip(names, await asyncio.gather(*(read(folder, name) for name in names)), strict=True))

        return cls(asyncio.run(tables()))

    def find(self, days_back: float | None, schema_version: str | None, kind: str | None) -> list[Record]:
        """What was said, newest first."""
        since = None if days_back is None else datetime.now(UTC) - timedelta(days=days_back)
        return [
            each
            for each in self._said
            if (since is None or each.when >= since)
            and schema_version in (None, each.facts["schema_version"])
            and kind in (None, each.kind)
        ]

    def about(self, id: str) -> dict[str, Sequence[Record]]:
        """The proposal that `id`, or the feedback `id`, is about, and all that was said of it."""
        ids = {each.transaction_id for each in self._said if id in (each.transaction_id, each.facts.get("feedback_id"))}
        ids = ids or {id}
        every = {
            "proposal": self._proposals,
            "assessment": self._assessments,
            "feedback": [each for each in self._said if each.kind != OUTCOME],
            OUTCOME: [each for each in self._said if each.kind == OUTCOME],
        }
        found = {name: [each for each in records if each.transaction_id in ids] for name, records in every.items()}
        return {name: records for name, records in found.items() if records}


def _feedback(row: dict[str, Any]) -> Record:
    plain = _decoded(row)
    facts = {"feedback_id": row["id"], **{name: plain[name] for name in plain if name not in _OF_THE_TABLE}}
    return Record(row["received_at"], row["feedback_type"], row["transaction_id"], facts)


def _outcome(row: dict[str, Any]) -> Record:
    facts = {"transaction_id": row["id"], "feedback_type": OUTCOME, **_decoded(row)}
    del facts["id"]
    return Record(row["recorded_at"], OUTCOME, row["id"], facts)


def _plain(row: dict[str, Any], kind: str, when: str) -> Record:
    return Record(row[when], kind, row["id"], _decoded(row))


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    facts = {name: json.loads(row[name]) if name in _JSON and row[name] else row[name] for name in row}
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in facts.items()
    }


def _terms(proposal: dict[str, Any]) -> str:
    words = [proposal["ticker"], proposal["action"], proposal["side"]]
    levels = (("stop", proposal["new_stop_pct"]), ("target", proposal["new_target_pct"]))
    words += [f"{name} {level:g}%" for name, level in levels if level is not None]
    return " ".join(word for word in words if word)
