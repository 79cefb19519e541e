"""Priorities: a long queue of one never stands before another."""

import asyncio
from typing import Any

import pytest
from tests.support.hermes import Hermes
from tests.support.processes import until

from osiris_contracts import GenerateRequest, streams
from osiris_mesh import Bus, DeadLetters
from osiris_mesh.connection import connect

STREAM = streams.HERMES_REQUESTS


async def ask(bus: Bus, prompt: str, priority: Any) -> str:
    return (await bus.ask(STREAM, GenerateRequest(prompt=prompt), timeout=30, priority=priority)).text


@pytest.mark.parametrize("priority", ["interactive", "desk", "batch"])
async def test_every_lane_is_served(redis_url: str, priority: str) -> None:
    async with Hermes().serving(redis_url), Bus(redis_url, "asker") as bus:
        assert await ask(bus, "x", priority)
        assert await bus.redis.xlen(streams.lane(STREAM, priority)) == 1  # type: ignore[arg-type]


async def test_interactive_work_passes_a_long_batch_queue(redis_url: str) -> None:
    hermes = Hermes(pause=0.02)
    async with hermes.serving(redis_url, workers=2), Bus(redis_url, "asker") as bus:
        batch = [asyncio.create_task(ask(bus, f"batch {number}", "batch")) for number in range(100)]
        await until(lambda: asyncio.sleep(0, hermes.begun), what="the batch to begin")
        await ask(bus, "now", "interactive")
        assert sum(task.done() for task in batch) < 20
        await asyncio.gather(*batch)


async def test_a_stranger_who_says_batch_on_the_desks_lane_does_not_hold_up_the_desk(redis_url: str) -> None:
    redis = connect(redis_url)
    hermes = Hermes(pause=0.02)
    for number in range(100):
        data = f'{{"prompt":"batch {number}"}}'
        await redis.xadd(STREAM, {"data": data, "priority": "batch", "replyto": "stranger", "id": f"mine-{number}"})
    async with hermes.serving(redis_url, workers=2), Bus(redis_url, "asker") as bus:
        await ask(bus, "the desk's", "desk")
        assert await redis.xlen("stranger") < 40

        async def all_answered() -> bool:
            return bool(await redis.xlen("stranger") == 100)

        await until(all_answered)
    assert len(hermes.begun) == len(set(hermes.begun)) == 101  # none lost on the way between lanes, none twice
    await redis.aclose()


async def test_dead_letters_of_all_lanes_lie_in_one_place(redis_url: str) -> None:
    async with Hermes().serving(redis_url), Bus(redis_url, "asker") as bus:
        for lane in streams.lanes(STREAM):
            await bus.redis.xadd(lane, {"data": "poison"})

        async def buried() -> bool:
            return len(await DeadLetters(bus.redis).list(STREAM)) == 3

        await until(buried, what="three dead letters")
