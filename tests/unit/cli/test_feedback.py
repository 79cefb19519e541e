"""`osiris feedback list|show|export`: what was said, read from the tables while no service runs."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from osiris_cli.__main__ import main
from osiris_contracts import Feedback, Proposal, ProposalCreated, ProposalOutcome
from osiris_store import Table
from osiris_trainer import rows

Captured = pytest.CaptureFixture[str]

NOW = datetime.now(UTC)
RUN = UUID(int=7)
PROPOSAL = Proposal(ticker="SPY", action="pass", confidence=0.5, rationale="Flat.")
CORRECTED = Proposal(
    ticker="SPY", action="adjust", side="LONG", new_stop_pct=2.5, new_target_pct=5, confidence=0.7, rationale="Wide."
)


def said(number: int, days_ago: float, **fields: object) -> Feedback:
    facts = {"transaction_id": RUN, "feedback_id": UUID(int=number), "received_at": NOW - timedelta(days=days_ago)}
    return Feedback.model_validate({**facts, "prompt": "SPY?", "schema_version": "1.1", **fields})


SAID = [
    said(1, 0.1, feedback_type="correction", feedback_content="Stop too tight.", corrected_proposal=CORRECTED),
    said(2, 3, feedback_type="rating", feedback_content="down"),
    said(3, 20, feedback_type="qualitative_comment", feedback_content={"why": "late"}, schema_version="1.0"),
]
OUTCOME = ProposalOutcome(
    transaction_id=RUN,
    symbol="SPY",
    decided_at=datetime(2017, 1, 2, tzinfo=UTC),
    observed_at=datetime(2017, 1, 3, tzinfo=UTC),
    horizon_bars=5,
    entry_close=100,
    exit_close=99,
    pnl=-12.5,
    fees=0.1,
    return_pct=-0.0125,
)


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A home in which a desk once ran."""

    async def record() -> None:
        tables = tmp_path / "data" / "lancedb"
        feedback = await Table.open(tables, "feedback", rows.FEEDBACK)
        await feedback.write([rows.feedback_row(each) for each in SAID])
        outcomes = await Table.open(tables, "outcomes", rows.OUTCOMES)
        await outcomes.write([rows.outcome_row(OUTCOME, NOW)])
        proposals = await Table.open(tables, "proposals", rows.PROPOSALS)
        created = ProposalCreated(
            transaction_id=RUN, created_at=NOW, origin="gateway", prompt="SPY?", proposal=PROPOSAL, model_version="v"
        )
        await proposals.write([rows.proposal_row(created)])

    asyncio.run(record())
    return str(tmp_path)


def listed(capsys: Captured, home: str, *options: str) -> list[str]:
    assert main(["feedback", "list", "--home", home, "--json", *options]) == 0
    return [json.loads(line)["feedback_type"] for line in capsys.readouterr().out.splitlines()]


def test_a_table_for_people_tells_what_each_says(home: str, capsys: Captured) -> None:
    assert main(["feedback", "list", "--home", home]) == 0
    out = capsys.readouterr().out
    assert "-12.50 after 5 bars" in out
    assert "SPY adjust LONG stop 2.5% target 5%: Stop too tight." in " ".join(out.split())
    assert out.index("correction") < out.index("rating") < out.index("late")  # newest first


def test_it_is_narrowed_by_age_version_and_kind(home: str, capsys: Captured) -> None:
    assert listed(capsys, home) == ["outcome", "correction", "rating", "qualitative_comment"]
    assert listed(capsys, home, "--days-back", "7") == ["outcome", "correction", "rating"]
    assert listed(capsys, home, "--schema-version", "1.0") == ["qualitative_comment"]
    assert listed(capsys, home, "--type", "outcome") == ["outcome"]
    assert listed(capsys, home, "--count", "2") == ["outcome", "correction"]


def test_an_export_is_read_back_as_feedback(home: str, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "said.jsonl"
    assert main(["feedback", "export", "--home", home, "--type", "correction", "--out", str(out)]) == 0
    assert "1 lines" in capsys.readouterr().out
    assert [Feedback.model_validate_json(line) for line in out.read_text().splitlines()] == SAID[:1]
    assert main(["feedback", "export", "--home", home]) == 0
    types = [json.loads(line)["feedback_type"] for line in capsys.readouterr().out.splitlines()]
    assert types == ["qualitative_comment", "rating", "correction", "outcome"]


def test_show_tells_all_about_a_proposal_by_its_id_or_by_that_of_a_feedback(home: str, capsys: Captured) -> None:
    for id in (RUN, UUID(int=2)):
        assert main(["feedback", "show", str(id), "--home", home, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert {name: len(records) for name, records in found.items()} == {"proposal": 1, "feedback": 3, "outcome": 1}
    assert main(["feedback", "show", str(RUN), "--home", home]) == 0
    assert "Stop too tight." in capsys.readouterr().out
    assert main(["feedback", "show", str(UUID(int=9)), "--home", home]) == 2
    assert "is neither; see: osiris feedback list" in capsys.readouterr().err


def test_where_nothing_was_said_there_is_nothing_to_list(tmp_path: Path, capsys: Captured) -> None:
    assert main(["feedback", "list", "--home", str(tmp_path / "none")]) == 0
    assert "no feedback" in capsys.readouterr().out
    assert main(["feedback", "list", "--type", "gossip"]) == 2
    assert "gossip" in capsys.readouterr().err
