"""The desk speaks what its critic says: once, whatever dies, and a decision waits for none of it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from tests.support.processes import Process, until
from tests.support.voice import clips, speaking

from osiris_contracts import AssessmentSpoken, Proposal, ProposalAssessed, streams
from osiris_mesh import Bus
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse
from osiris_orchestrator.app import build
from osiris_orchestrator.settings import OrchestratorSettings


def assessed(
    text: str, *, ago: float = 0.0, origin: Literal["gateway", "orchestrator"] = "orchestrator"
) -> ProposalAssessed:
    return ProposalAssessed(
        transaction_id=uuid4(),
        assessed_at=datetime.now(UTC) - timedelta(seconds=ago),
        origin=origin,
        prompt="SPY rose.",
        proposal=Proposal(ticker="SPY", action="pass", confidence=0.5, rationale="Nothing to do."),
        assessment=text,
        score=7,
        model_version="test",
    )


async def told(redis: Any, count: int) -> list[AssessmentSpoken]:
    """What became of the first `count` assessments."""

    async def there() -> bool:
        return await redis.xlen(streams.ASSESSMENT_SPOKEN) >= count

    await until(there, timeout=40, what=f"{count} spoken assessments")
    entries = await redis.xrange(streams.ASSESSMENT_SPOKEN)
    return [AssessmentSpoken.model_validate_json(parse(fields).data) for _, fields in entries]


@asynccontextmanager
async def desk(redis_url: str, home: Path, **settings: Any) -> AsyncIterator[Bus]:
    """An orchestrator in this process, and a bus beside it."""
    service = build(OrchestratorSettings(redis_url=redis_url, home=home, lease_seconds=1, **settings))
    async with Bus(redis_url, "test") as bus, service.running():
        yield bus


async def test_an_assessment_is_spoken_and_that_is_told(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    async with speaking(redis_url), desk(redis_url, tmp_path) as bus:
        ours = assessed("The stop is too wide. The target is fine.\nScore: 4/10")
        await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Not the desk's own.", origin="gateway"))
        await bus.publish(streams.PROPOSAL_ASSESSED, ours)
        (spoken,) = await told(redis, 1)
        run: UUID = ours.transaction_id
        assert spoken == AssessmentSpoken(
            transaction_id=run, run_id=run, text_spoken="The stop is too wide.", status="spoken"
        )
        (clip,) = await clips(redis)
        assert (clip.text, clip.ticker, clip.transaction_id) == ("The stop is too wide.", "SPY", run)
        key = streams.last_speak_key(run)
        assert key == f"last_speak_ms.{run}"
        assert abs(int(await redis.get(key)) - time.time() * 1000) < 20_000
        assert 86_000 < await redis.ttl(key) <= 86_400
    await redis.aclose()


async def test_no_voice_is_told_and_an_old_assessment_is_no_news(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    async with desk(redis_url, tmp_path, speech_timeout_seconds=0.5) as bus:
        await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Nobody says this."))
        await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Nor this.", ago=3600))
        found = {each.text_spoken: each.status for each in await told(redis, 2)}
    assert found == {"Nobody says this.": "failed", "Nor this.": "failed"}
    async with speaking(redis_url), desk(redis_url, tmp_path) as bus:
        await bus.publish(streams.PROPOSAL_ASSESSED, assessed("News."))
        assert (await told(redis, 3))[-1].status == "spoken"
    assert [clip.text for clip in await clips(redis)] == ["News."]
    assert len(await redis.keys("last_speak_ms.*")) == 1
    await redis.aclose()


@pytest.mark.slow
async def test_it_is_spoken_once_though_the_desk_is_killed_twice(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    with Process("orchestrator", redis_url, tmp_path) as orchestrator:
        await orchestrator.ready()
        async with Bus(redis_url, "test") as bus:
            await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Once."))

            async def asked() -> bool:
                return bool(await redis.xlen(streams.TTS_REQUESTS))

            await until(asked)
            orchestrator.kill()  # it has asked, and heard nothing
            orchestrator.start()
            async with speaking(redis_url):
                assert (await told(redis, 1))[0].status == "spoken"
                await redis.xgroup_setid(streams.PROPOSAL_ASSESSED, "orchestrator.speech", "0")  # and all once more
                await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Twice."))
                assert [each.text_spoken for each in await told(redis, 2)] == ["Once.", "Twice."]
            assert [clip.text for clip in await clips(redis)] == ["Once.", "Twice."]
            await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Nobody listens."))
            began = time.monotonic()
            assert orchestrator.terminate() == 0
            assert time.monotonic() - began < 8, "it waited for a voice that is gone"
    await redis.aclose()


async def test_a_silent_desk_asks_for_nothing_and_leaves_no_group_behind(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    async with desk(redis_url, tmp_path):
        assert await redis.xinfo_groups(streams.PROPOSAL_ASSESSED)
    async with desk(redis_url, tmp_path, speech=False) as bus:
        await bus.publish(streams.PROPOSAL_ASSESSED, assessed("Silence."))
        assert await redis.xinfo_groups(streams.PROPOSAL_ASSESSED) == []
        assert not await redis.exists(streams.TTS_REQUESTS)
    await redis.aclose()
