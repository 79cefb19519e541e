"""kill -9 in the middle of the work: nothing lost, no effect twice."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.support.desk import services
from tests.support.processes import Process, until

from osiris_contracts import Decision, GenerateRequest, ProposalAssessed, streams
from osiris_mesh import Bus, DeadLetters
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("models")]


@pytest.mark.parametrize("model", ["phi3", "hermes"])
async def test_a_killed_model_loses_no_request_and_answers_none_twice(
    model: str, redis_url: str, tmp_path: Path, models_root: Path
) -> None:
    stream = streams.REQUESTS_OF[model]  # type: ignore[index]
    async with services(redis_url, tmp_path / "home", models_root, model) as desk, Bus(redis_url, "test") as bus:
        asked = [
            asyncio.create_task(
                bus.ask(stream, GenerateRequest(prompt=f"Say {number}.", max_length=48, ticker="SPY"), timeout=120)
            )
            for number in range(12)
        ]

        async def some_answered() -> bool:
            return sum(task.done() for task in asked) >= 2

        for _ in range(2):
            await until(some_answered, timeout=60)
            desk[model].kill()
            desk[model].start()
            await asyncio.sleep(2.5)
        results = await asyncio.gather(*asked)
        assert len(results) == 12
        assert all(each.text for each in results)

        async def nothing_left() -> bool:
            return await bus.backlog(stream, model) == 0

        await until(nothing_left)
        assert await DeadLetters(bus.redis).list(stream) == []
        keys = [key async for key in bus.redis.scan_iter(match=f"effect:{model}:*")]
        assert len(keys) == 12


async def test_a_killed_desk_loses_no_bar_and_doubles_no_run(redis_url: str, tmp_path: Path, models_root: Path) -> None:
    redis = connect(redis_url)
    await redis.xgroup_create(streams.MARKET_TICKS, "orchestrator", id="0", mkstream=True)
    async with services(redis_url, tmp_path / "home", models_root, "phi3", "hermes", "orchestrator") as desk:
        bars = ("--to_date", "2017-01-02 16:00", "--speed", "max")  # 19 bars: 3 runs and 4 bars kept
        with Process("sim", redis_url, tmp_path / "home", *bars) as sim:
            for runs in (0, 1, 2):  # in the middle of each run

                async def begun(runs: int = runs) -> bool:
                    return await redis.xlen(streams.ADVICE_GENERATED) >= runs and await asked(redis) > runs

                await until(begun, timeout=60, what=f"run {runs + 1} to begin")
                for name in ("orchestrator", "sim"):
                    {**desk, "sim": sim}[name].kill()
                    {**desk, "sim": sim}[name].start()
            assert sim.wait(120) == 0, sim.log()

    found = [
        Decision.model_validate_json(parse(fields).data) for _, fields in await redis.xrange(streams.ADVICE_GENERATED)
    ]
    assert [each.sequence for each in found] == [1, 2, 3]
    assert len({each.run_id for each in found}) == 3
    assert all(each.status != "failed" for each in found), [each.error for each in found]
    for earlier, later in pairwise(found):
        assert later.bars.first > earlier.bars.last
    assert sum(each.bars.count for each in found) == 15
    entries = await redis.xrange(streams.PROPOSAL_ASSESSED)
    assessed = [ProposalAssessed.model_validate_json(parse(fields).data) for _, fields in entries]
    assert [each.transaction_id for each in assessed] == [each.run_id for each in found if each.critique]
    orders = [each.order.order_id for each in found if each.order]
    sent = [parse(fields).data for _, fields in await redis.xrange(streams.MARKET_ORDERS)]
    assert len(sent) == len(orders)
    ticks = [parse(fields).id for _, fields in await redis.xrange(streams.MARKET_TICKS)]
    assert len(ticks) == len(set(ticks)) == 19
    await redis.aclose()


async def asked(redis: Any) -> int:
    """How many runs phi3 was asked about."""
    entries = await redis.xrange(streams.PHI3_REQUESTS)
    return len({parse(fields).id for _, fields in entries})
