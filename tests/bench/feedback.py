"""20,000 events streamed through a real Redis and the trainer: are rows exact, and files and append times flat?"""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import Feedback, Proposal, ProposalAssessed, ProposalCreated, ProposalOutcome, streams
from osiris_mesh import Bus, logs

EVENTS = 20_000
GROUP = 10
"""Proposals told of at once, one group after the other: the trainer writes two thousand small batches in minutes."""

NOW = datetime(2024, 1, 2, tzinfo=UTC)
PROPOSAL = Proposal(ticker="SPY", action="adjust", side="LONG", new_stop_pct=2, confidence=0.5, rationale="Up.")
PROMPT = "SPY close 512.4\nReturn +0.61% in 5 bars, +1.20% in 20: trend up\nVolatility 0.18% a bar"


def _events(number: int) -> list[tuple[str, Any]]:
    """One of each kind, about the same proposal."""
    run = UUID(int=number)
    about: dict[str, Any] = {"transaction_id": run, "prompt": PROMPT}
    made: dict[str, Any] = {"origin": "gateway", "proposal": PROPOSAL, "model_version": "v", **about}
    said: dict[str, Any] = {"feedback_type": "correction", "feedback_content": "Wider.", "feedback_id": run, **about}
    return [
        (streams.PROPOSAL_CREATED, ProposalCreated(created_at=NOW, **made)),
        (streams.PROPOSAL_ASSESSED, ProposalAssessed(assessed_at=NOW, assessment="Fine.", score=7, **made)),
        (streams.FEEDBACK_SUBMITTED, Feedback(corrected_proposal=PROPOSAL, received_at=NOW, **said)),
        (
            streams.OUTCOME_OBSERVED,
            ProposalOutcome(
                transaction_id=run,
                symbol="SPY",
                decided_at=NOW,
                observed_at=NOW,
                horizon_bars=5,
                entry_close=100,
                exit_close=101,
                pnl=1,
                fees=0,
                return_pct=0.001,
            ),
        ),
    ]


def _disk(folder: Path) -> tuple[int, float]:
    """Files, and MB."""
    paths = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return len(paths), sum(path.stat().st_size for path in paths) / 1e6


async def _stream(url: str, home: Path) -> dict[str, float]:
    # here, because LanceDB minds processes being forked after it: Redis runs already
    from osiris_store import Table, read
    from osiris_trainer.app import build
    from osiris_trainer.settings import TrainerSettings

    seconds: list[float] = []
    plain = Table.write

    async def timed(table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        started = time.perf_counter()
        written = await plain(table, rows)
        seconds.append(time.perf_counter() - started)
        return written

    Table.write = timed  # type: ignore[method-assign]
    settings = TrainerSettings(redis_url=url, home=home)
    found: dict[str, float] = {}
    quarters: list[list[float]] = []
    started = time.perf_counter()
    try:
        async with build(settings).running(), Bus(url, "bench") as bus:
            names = [stream for stream, _ in _events(0)]
            proposals = EVENTS // len(names)
            for first in range(0, proposals, GROUP):
                group = range(first, min(first + GROUP, proposals))
                await asyncio.gather(
                    *(bus.publish(stream, event) for number in group for stream, event in _events(number))
                )
                while any([await bus.backlog(name, "trainer") for name in names]):
                    await asyncio.sleep(0.01)
                if first + GROUP >= proposals * (len(quarters) + 1) / 4:
                    quarters.append(seconds.copy())
                    files, megabytes = _disk(settings.tables)
                    found |= {f"files at {25 * len(quarters)} %": files, f"MB at {25 * len(quarters)} %": megabytes}
                    seconds.clear()
    finally:
        Table.write = plain  # type: ignore[method-assign]
    tables = ("proposals", "assessments", "feedback", "outcomes")
    ids = [[row["id"] for row in await read(settings.tables, name)] for name in tables]
    lines = settings.feedback_log.read_bytes().splitlines()
    return {
        "events": EVENTS,
        "rows": sum(map(len, ids)),
        "distinct rows": sum(len(set(each)) for each in ids),
        "lines of the feedback log": len(lines),
        "events/s": EVENTS / (time.perf_counter() - started),
        "appends": sum(map(len, quarters)),
        **{
            f"append ms, p{percent}, quarter {number}": 1000 * float(np.percentile(quarter, percent))
            for percent in (50, 99)
            for number, quarter in enumerate(quarters, 1)
        },
        **found,
    }


def measure() -> dict[str, float]:
    """Rows, files, disk and append times."""
    logs.configure("warning", "console", "bench")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedRedis(folder / "redis", persistent=False) as redis:
            return asyncio.run(_stream(redis.url, folder / "home"))
