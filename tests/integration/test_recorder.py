"""The trainer records every proposal, critique and feedback once, in LanceDB and as JSON lines."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.processes import Process, until

from osiris_contracts import Feedback, Proposal, ProposalAssessed, ProposalCreated, streams
from osiris_mesh import Bus
from osiris_store import Table
from osiris_trainer import rows

PROPOSAL = Proposal(ticker="SPY", action="pass", confidence=0.5, rationale="Flat.")
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
                await bus.publish(streams.PROPOSAL_CREATED, created)
                await bus.publish(streams.PROPOSAL_ASSESSED, assessed)
                for _ in range(2):
                    await bus.publish(streams.FEEDBACK_SUBMITTED, feedback)

            async def finished() -> bool:
                names = (streams.PROPOSAL_CREATED, streams.PROPOSAL_ASSESSED, streams.FEEDBACK_SUBMITTED)
                return not any([await bus.backlog(name, "trainer") for name in names])

            await until(finished, timeout=30, what="the trainer to catch up")
            assert trainer.terminate() == 0
    expected = {str(run) for run in runs}
    for name, schema in (("proposals", rows.PROPOSALS), ("assessments", rows.ASSESSMENTS), ("feedback", rows.FEEDBACK)):
        table = await Table.open(data / "lancedb", name, schema)
        stored = await table.rows()
        assert len(stored) == 300
        assert {row["id"] for row in stored} == expected
    for log in ("phi3_feedback_log.jsonl", "phi3_feedback_data.jsonl"):
        ids = [line["id"] for line in _lines(data / log)]
        assert sorted(ids) == sorted(expected)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
