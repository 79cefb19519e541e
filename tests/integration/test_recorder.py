"""The trainer records every proposal, critique and feedback once, in LanceDB and as JSON lines."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from tests.support.processes import Process, until

from osiris_contracts import Feedback, FewShot, Proposal, ProposalAssessed, ProposalCreated, ProposalOutcome, streams
from osiris_mesh import Bus
from osiris_store import Table, read
from osiris_trainer import rows

PROPOSAL = Proposal(ticker="SPY", action="pass", confidence=0.5, rationale="Flat.")
RECORDED = (
    streams.PROPOSAL_CREATED,
    streams.PROPOSAL_ASSESSED,
    streams.FEEDBACK_SUBMITTED,
    streams.OUTCOME_OBSERVED,
)
NOW = datetime(2024, 1, 2, tzinfo=UTC)


async def test_everything_is_recorded_once_though_the_recorder_is_killed(redis_url: str, tmp_path: Path) -> None:
    runs = [uuid4() for _ in range(300)]
    data = tmp_path / "data"
    async with Bus(redis_url, "test") as bus:
        with Process("trainer", redis_url, tmp_path) as trainer:
            await trainer.ready()
            for index, run in enumerate(runs):
                if index == 150:
                    trainer.kill()
                    trainer.start()
                created = ProposalCreated(
                    transaction_id=run,
                    created_at=NOW,
                    origin="gateway",
                    prompt="?",
                    proposal=PROPOSAL,
                    model_version="v",
                    few_shot=FewShot(arm="on", corrections=(run,)),
                )
                assessed = ProposalAssessed(
                    transaction_id=run,
                    assessed_at=NOW,
                    origin="gateway",
                    prompt="?",
                    proposal=PROPOSAL,
                    assessment="Good.\nScore: 7/10",
                    score=7,
                    model_version="v",
                )
                feedback = Feedback(
                    transaction_id=run,
                    feedback_type="rating",
                    feedback_content=index / 300,
                    feedback_id=run,
                    received_at=NOW,
                )
                outcome = ProposalOutcome(
                    transaction_id=run,
                    symbol="SPY",
                    decided_at=NOW,
                    observed_at=NOW,
                    horizon_bars=5,
                    entry_close=100,
                    exit_close=101,
                    pnl=index,
                    fees=0.1,
                    return_pct=index / 1000,
                )
                await bus.publish(streams.PROPOSAL_CREATED, created)
                await bus.publish(streams.PROPOSAL_ASSESSED, assessed)
                for _ in range(2):
                    await bus.publish(streams.FEEDBACK_SUBMITTED, feedback)
                    await bus.publish(streams.OUTCOME_OBSERVED, outcome)

            async def finished() -> bool:
                return not any([await bus.backlog(name, "trainer") for name in RECORDED])

            await until(finished, timeout=30, what="the trainer to catch up")
            assert trainer.terminate() == 0
    expected = {str(run) for run in runs}
    for name in ("proposals", "assessments", "feedback", "outcomes"):
        stored = await read(data / "lancedb", name)
        assert len(stored) == 300
        assert {row["id"] for row in stored} == expected
    for log in ("phi3_feedback_log.jsonl", "phi3_feedback_data.jsonl"):
        ids = [line["id"] for line in _lines(data / log)]
        assert sorted(ids) == sorted(expected)
    shown = [json.loads(row["corrections"]) for row in await read(data / "lancedb", "proposals", "few_shot = 'on'")]
    assert sorted(shown) == sorted([each] for each in expected)


async def test_tables_of_the_version_before_go_on_with_their_rows(redis_url: str, tmp_path: Path) -> None:
    names = [name for name in rows.PROPOSALS.names if name not in ("few_shot", "corrections", "schema_version")]
    before = pa.schema([rows.PROPOSALS.field(name) for name in names])
    tables = tmp_path / "data" / "lancedb"
    old = dict.fromkeys(names) | {"id": "old", "prompt": "SPY?"}
    await (await Table.open(tables, "proposals", before)).write([old])
    with Process("trainer", redis_url, tmp_path) as trainer:
        await trainer.ready()
        async with Bus(redis_url, "test") as bus:
            created = ProposalCreated(
                transaction_id=uuid4(),
                created_at=NOW,
                origin="gateway",
                prompt="?",
                proposal=PROPOSAL,
                model_version="v",
            )
            await bus.publish(streams.PROPOSAL_CREATED, created)

            async def both() -> bool:
                return len(await read(tables, "proposals")) == 2

            await until(both, what="the new row beside the old one")
    versions = {row["id"]: row["schema_version"] for row in await read(tables, "proposals")}
    assert versions == {"old": "1.0", str(created.transaction_id): "1.1"}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
