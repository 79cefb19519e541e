"""Strictly ordered work, batches and trimming, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.support.processes import until

from osiris_contracts import GenerateRequest
from osiris_mesh import BatchConsumer, Bus, DeadLetters, LeaseLost, Metrics, Sequencer


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    async with Bus(redis_url, "test") as running:
        yield running


async def numbers(bus: Bus, stream: str, count: int) -> list[str]:
    return [(await bus.redis.xadd(stream, {"data": str(number)})).decode() for number in range(count)]


async def test_a_sequencer_goes_on_from_its_last_commit(bus: Bus) -> None:
    ids = await numbers(bus, "in", 5)
    async with Sequencer(bus, "desk", ["in"], 5).held() as saved:
        assert saved is None
    first = Sequencer(bus, "desk", ["in"], 5)
    async with first.held():
        entries = await first.read("in", count=3)
        assert [entry_id for entry_id, _ in entries] == ids[:3]
        out = first.output("out", GenerateRequest(prompt="x"), id="1")
        await first.commit(b"state after two", {"in": ids[1]}, [out])  # the third was read, not finished
    second = Sequencer(bus, "desk", ["in"], 5)
    async with second.held() as saved:
        assert saved == b"state after two"
        assert [entry_id for entry_id, _ in await second.read("in", count=10)] == ids[2:]
    assert await bus.redis.xlen("out") == 1


async def test_only_the_holder_of_the_lease_commits(bus: Bus) -> None:
    stale = Sequencer(bus, "desk", ["in"], 60)
    async with stale.held():
        await bus.redis.set("lease:desk", "somebody else")
        with pytest.raises(LeaseLost):
            await stale.commit(b"mine", {}, [stale.output("out", GenerateRequest(prompt="x"), id="1")])
    assert (await bus.redis.get("state:desk"), await bus.redis.exists("out")) == (None, 0)
    assert await bus.redis.get("lease:desk") == b"somebody else"


async def test_a_second_instance_waits_for_the_lease(bus: Bus, redis_url: str) -> None:
    async with Bus(redis_url, "other") as other:
        order: list[str] = []

        async def hold(one: Bus, name: str) -> None:
            async with Sequencer(one, "desk", ["in"], 0.4).held():
                order.append(f"{name} in")
                await asyncio.sleep(0.8)  # longer than the lease: it is renewed
                order.append(f"{name} out")

        first = asyncio.create_task(hold(bus, "first"))
        await asyncio.sleep(0.1)
        await asyncio.gather(first, hold(other, "second"))
    assert order == ["first in", "first out", "second in", "second out"]


def consumer(bus: Bus, handler: Any, **options: Any) -> BatchConsumer:
    defaults = {"lease_seconds": 0.3, "max_deliveries": 2, "linger_seconds": 0.05}
    return BatchConsumer(
        bus, Metrics(), stream="in", group="trainer", contract=GenerateRequest, handler=handler, **(defaults | options)
    )


async def test_batches_come_in_order_and_poison_goes_aside(bus: Bus) -> None:
    for number in range(20):
        await bus.redis.xadd(
            "in", {"data": "poison" if number == 7 else GenerateRequest(prompt=f"{number}").model_dump_json()}
        )
    got: list[str] = []

    async def record(batch: Sequence[GenerateRequest]) -> None:
        got.extend(message.prompt for message in batch)

    running = asyncio.create_task(consumer(bus, record, size=6).run())

    async def done() -> bool:
        return len(got) == 19

    await until(done)
    running.cancel()
    assert got == [str(number) for number in range(20) if number != 7]
    assert [letter.deliveries for letter in await DeadLetters(bus.redis).list("in")] == [1]


async def test_one_bad_message_does_not_hold_up_its_batch(bus: Bus) -> None:
    for number in range(5):
        await bus.redis.xadd("in", {"data": GenerateRequest(prompt=f"{number}").model_dump_json()})
    stored: set[str] = set()

    async def record(batch: Sequence[GenerateRequest]) -> None:
        if any(message.prompt == "3" for message in batch):
            raise OSError("disk is full")
        stored.update(message.prompt for message in batch)

    running = asyncio.create_task(consumer(bus, record).run())

    async def buried() -> Any:
        return await DeadLetters(bus.redis).list("in")

    (letter,) = await until(buried)
    running.cancel()
    assert letter.reason == "failed 2 times, last: OSError: disk is full"
    assert stored == {"0", "1", "2", "4"}


async def test_a_dead_recorders_batch_is_taken_over(bus: Bus) -> None:
    await bus.redis.xgroup_create("in", "trainer", id="0", mkstream=True)
    await bus.redis.xadd("in", {"data": GenerateRequest(prompt="orphan").model_dump_json()})
    await bus.redis.xreadgroup("trainer", "dead", {"in": ">"})
    got: list[str] = []

    async def record(batch: Sequence[GenerateRequest]) -> None:
        got.extend(message.prompt for message in batch)

    running = asyncio.create_task(consumer(bus, record).run())

    async def done() -> bool:
        return bool(got)

    await until(done)
    running.cancel()
    assert got == ["orphan"]
