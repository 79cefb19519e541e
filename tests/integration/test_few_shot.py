"""phi3 learns during the day: a correction is in the next prompt, and still there after kill -9."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.desk import services
from tests.support.processes import until

from osiris_contracts import Feedback, FewShot, GenerateRequest, GenerateResult, Proposal, streams
from osiris_mesh import Bus
from osiris_phi3.few_shot import arm_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("models")]

SITUATION = "SPY close 512.4\nReturn +0.6% in 5 bars: trend up\n\nPropose what to do with SPY now."


def correction(prompt: str, **changes: Any) -> Feedback:
    proposal = {"ticker": "SPY", "action": "adjust", "side": "LONG", "new_stop_pct": 2.5, "confidence": 0.7}
    return Feedback(
        transaction_id=uuid4(),
        feedback_type="correction",
        feedback_content="Stop too tight.",
        corrected_proposal=Proposal.model_validate(proposal | {"rationale": "A wide stop."} | changes),
        feedback_id=uuid4(),
        received_at=datetime.now(UTC),
        prompt=prompt,
        schema_version="1.1",
    )


async def ask(bus: Bus, prompt: str = SITUATION, **fields: Any) -> GenerateResult:
    return await bus.ask(streams.PHI3_REQUESTS, GenerateRequest(prompt=prompt, **fields), timeout=60)


def shows(bus: Bus, *ids: UUID) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        found = (await ask(bus)).few_shot
        return found is not None and set(found.corrections) == set(ids)

    return look


async def test_a_correction_is_used_as_soon_as_it_is_there_and_after_a_restart(
    redis_url: str, models_root: Path, tmp_path: Path
) -> None:
    async with services(redis_url, tmp_path, models_root, "phi3") as running, Bus(redis_url, "test") as bus:
        before = await ask(bus)
        assert before.few_shot is not None
        assert (before.few_shot.arm, before.few_shot.corrections) == ("on", ())

        first = correction("SPY close 500.1\nReturn +0.4% in 5 bars: trend up\n\nPropose what to do with SPY now.")
        useless = correction("SPY: stop at once.", new_stop_pct=0)
        comment = correction("SPY?").model_copy(update={"feedback_type": "qualitative_comment"})
        for said in (useless, comment, first):
            await bus.publish(streams.FEEDBACK_SUBMITTED, said)
        await bus.redis.xadd(streams.FEEDBACK_SUBMITTED, {"data": "no json"})
        await until(shows(bus, first.feedback_id), what="the correction to be shown")

        again = correction("SPY close 493.7\nReturn +0.9% in 5 bars: trend up\n\nPropose what to do with SPY now.")
        other = correction("OIL fell after the meeting of its producers.", ticker="OIL")
        for said in (again, other):
            await bus.publish(streams.FEEDBACK_SUBMITTED, said)
        await until(shows(bus, again.feedback_id, other.feedback_id), what="the newer of two near-duplicates")

        own = await ask(bus, examples=({"prompt": "SPY?", "answer": "{}"},))
        assert own.few_shot is None  # whoever brings examples gets no others

        told = await ask(bus)
        running["phi3"].kill()
        running["phi3"].start()
        await running["phi3"].ready()
        after = await ask(bus)
        assert (after.text, after.few_shot) == (told.text, told.few_shot)


async def test_what_the_stream_forgot_is_in_the_trainers_log(redis_url: str, models_root: Path, tmp_path: Path) -> None:
    said = correction("SPY rose.")
    log = tmp_path / "data" / "phi3_feedback_data.jsonl"
    log.parent.mkdir()
    line = json.dumps({"id": str(said.feedback_id), **said.model_dump(mode="json")})
    log.write_text(f'{{"id":"old","feedback_type":"rating","feedback_content":5}}\n{line}\n{line[:40]}')
    async with services(redis_url, tmp_path, models_root, "phi3"), Bus(redis_url, "test") as bus:
        assert await shows(bus, said.feedback_id)()


async def test_ab_shows_corrections_to_half_of_the_messages(redis_url: str, models_root: Path, tmp_path: Path) -> None:
    said = correction("SPY rose.")
    async with Bus(redis_url, "test") as bus:
        await bus.publish(streams.FEEDBACK_SUBMITTED, said)
        async with services(redis_url, tmp_path, models_root, "phi3", OSIRIS_PHI3_FEW_SHOT="ab"):
            for arm, shown in (("on", (said.feedback_id,)), ("off", ())):
                of_this_arm = next(each for each in map(str, range(100)) if arm_of("ab", each) == arm)
                request = GenerateRequest(prompt=SITUATION)
                answer = await bus.ask(streams.PHI3_REQUESTS, request, id=of_this_arm, timeout=60)
                assert answer.few_shot == FewShot(arm=arm, corrections=shown)
