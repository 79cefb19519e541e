"""A connection that breaks before the answer came: Redis has done it, the sender does not know, and sends it again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.exceptions import DataError
from tests.support.processes import until
from tests.support.proxy import Proxy

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import GenerateRequest, GenerateResult, Usage
from osiris_mesh import Bus, Delivery, LeaseLost, MeshSettings, Sequencer, Service
from osiris_mesh.connection import Client, connect
from osiris_mesh.envelope import parse
from osiris_mesh.scripts import Finished


@dataclass
class Wire:
    """A way to Redis that can lose answers, and one that cannot."""

    proxy: Proxy
    redis: Client

    async def lose_an_answer(self, done: Any) -> None:
        """Wait until `done` is true in Redis, then break the connections; a deaf proxy hears again."""
        await until(done)
        self.proxy.deaf = False
        self.proxy.cut()


@pytest.fixture
async def wire(server: EmbeddedRedis) -> AsyncIterator[Wire]:
    proxy = Proxy(lambda: server.socket)
    await proxy.start()
    redis = connect(server.url)
    yield Wire(proxy, redis)
    await redis.aclose()
    await proxy.stop()


def answer(text: str) -> GenerateResult:
    return GenerateResult(
        model_id="hermes",
        model_version="test",
        text=text,
        finish_reason="stop",
        usage=Usage(prompt_tokens=0, completion_tokens=0),
    )


async def is_long(redis: Client, stream: str, length: int) -> bool:
    return int(await redis.xlen(stream)) >= length


def service(url: str, **settings: Any) -> Service:
    return Service("worker", MeshSettings(redis_url=url, lease_seconds=0.6, **settings))


async def test_a_commit_whose_answer_was_lost_happens_once(wire: Wire) -> None:
    async with Bus(wire.proxy.url, "test") as bus:
        sequencer = Sequencer(bus, "desk", ["in"], 30)
        async with sequencer.held():
            await sequencer.commit(b"first", {})
            output = sequencer.output("out", GenerateRequest(prompt="x"), id="1")
            wire.proxy.deaf = True
            committing = asyncio.create_task(sequencer.commit(b"second", {}, [output]))
            await wire.lose_an_answer(lambda: wire.redis.exists("out"))
            await committing
            await sequencer.commit(b"third", {})
    assert await wire.redis.xlen("out") == 1
    assert await wire.redis.get("state:desk") == b"third"


async def test_a_desk_whose_last_commit_redis_lost_begins_again(wire: Wire) -> None:
    async with Bus(wire.proxy.url, "test") as bus:
        sequencer = Sequencer(bus, "desk", ["in"], 30)
        async with sequencer.held():
            await sequencer.commit(b"first", {})
            saved = [(key, await wire.redis.dump(key)) for key in ("state:desk", "commits:desk")]
            await sequencer.commit(b"second", {}, [sequencer.output("out", GenerateRequest(prompt="x"), id="1")])
            await wire.redis.delete("out")  # as a crash does, which takes the end of the append-only file
            for key, value in saved:
                await wire.redis.restore(key, 0, value, replace=True)
            with pytest.raises(LeaseLost, match="lost the last commit"):
                await sequencer.commit(b"third", {})
    assert await wire.redis.get("state:desk") == b"first"


async def test_entries_whose_delivery_was_lost_are_taken_over_though_their_reader_lives(wire: Wire) -> None:
    running = service(wire.proxy.url)
    got: list[str | None] = []

    @running.consume("in", GenerateRequest)
    async def take(request: GenerateRequest, delivery: Delivery) -> None:
        got.append(request.prompt)

    async def handed_out() -> bool:
        return bool((await wire.redis.xpending("in", "worker"))["pending"])

    async with running.running():
        wire.proxy.deaf = True
        await wire.redis.xadd("in", {"data": GenerateRequest(prompt="unheard").model_dump_json()})
        await wire.lose_an_answer(handed_out)

        async def taken() -> bool:
            return got == ["unheard"]

        await until(taken, what="the entry to be taken over")


async def test_an_entry_whose_burial_was_not_confirmed_is_buried_once(wire: Wire) -> None:
    running = service(wire.proxy.url, max_deliveries=1)

    @running.consume("in", GenerateRequest)
    async def take(request: GenerateRequest, delivery: Delivery) -> None:
        wire.proxy.deaf = request.prompt == "poison"
        raise RuntimeError(request.prompt)

    async with running.running():
        for number, prompt in enumerate(("the script is loaded", "poison"), 1):
            # with an id, its effect is asked for first: the writer is connected again before nothing is heard any more
            data = GenerateRequest(prompt=prompt).model_dump_json()
            await wire.redis.xadd("in", {"data": data, "id": prompt, "replyto": "out"})
            await wire.lose_an_answer(lambda number=number: is_long(wire.redis, "in:dead", number))
        await asyncio.sleep(1.2)  # two leases
    assert (await wire.redis.xlen("in:dead"), await wire.redis.xlen("out")) == (2, 2)
    assert (await wire.redis.xpending("in", "worker"))["pending"] == 0


async def test_an_answer_that_was_not_confirmed_is_given_once(wire: Wire) -> None:
    running = service(wire.proxy.url)

    @running.consume("in", GenerateRequest)
    async def take(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        wire.proxy.deaf = request.prompt == "unheard"
        delivery.emit("effects", request)
        return answer(request.prompt or "")

    async with running.running():
        for number, prompt in enumerate(("the script is loaded", "unheard"), 1):
            data = GenerateRequest(prompt=prompt).model_dump_json()
            await wire.redis.xadd("in", {"data": data, "id": prompt, "replyto": "out"})
            await wire.lose_an_answer(lambda number=number: is_long(wire.redis, "out", number))
        await asyncio.sleep(1.2)
    assert (await wire.redis.xlen("out"), await wire.redis.xlen("effects")) == (2, 2)


async def test_an_entry_that_another_worker_finished_is_not_answered_again(server: EmbeddedRedis) -> None:
    """One was stopped while it worked, another took its entry over and answered, then the first goes on."""
    async with Bus(server.url, "worker") as bus:
        entry_id = await bus.publish("in", GenerateRequest(prompt="x"), id="m", replyto="out")
        await bus.redis.xgroup_create("in", "worker", id="0")
        ((_, [(_, fields)]),) = await bus.redis.xreadgroup("worker", "first", {"in": ">"})
        first, second = (
            Delivery(
                "in",
                "worker",
                entry_id,
                parse(fields),
                deliveries,
                "worker",
                bus.writer,
                effect_seconds=60,
                answers_kept=10,
            )
            for deliveries in (1, 2)
        )
        assert await second.finish(answer("once")) is Finished.DONE
        assert await first.finish(answer("twice")) is Finished.DUPLICATE
        await first.repeat(await first.earlier_effect() or b"")
        assert await bus.redis.xlen("out") == 1


async def test_a_command_that_cannot_be_sent_does_not_end_the_writer(server: EmbeddedRedis) -> None:
    async with Bus(server.url, "test") as bus:
        with pytest.raises(DataError):
            await bus.writer.call("XADD", "out", "*", "data", None)
        await asyncio.wait_for(bus.publish("out", GenerateRequest(prompt="x")), 5)
