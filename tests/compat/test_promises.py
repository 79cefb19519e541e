"""The core of the promise, on every server it is made for: Redis 6.2 to 8, and Valkey."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from tests.support.processes import until
from tests.support.serving import LEASE, STREAM, answer, echo, replies, serving

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, streams
from osiris_contracts.streams import Retention
from osiris_mesh import Bus, DeadLetters, Delivery, LeaseLost, Sequencer
from osiris_mesh.groups import state_of
from osiris_mesh.trim import trim, trim_dead_letters

pytestmark = [pytest.mark.slow]


async def test_a_request_is_delivered_and_its_answer_streamed(url: str, redis: Any) -> None:
    async def stream(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        for index, word in enumerate(request.prompt.split()):
            delivery.send(Chunk(index=index, text=word))
        return answer(request.prompt)

    await redis.xadd(STREAM, {"data": '{"prompt":"early bird"}', "replyto": "my.replies"})  # before anybody listens
    async with serving(url, stream), Bus(url, "asker") as bus:
        got = [each async for each in bus.replies_to(STREAM, GenerateRequest(prompt="one two"), timeout=5)]
        assert [each.text for each in got] == ["one", "two", "one two"]
        assert [each["text"] for each in await replies(redis, "my.replies", 3)] == ["early", "bird", "early bird"]


async def test_a_dead_workers_entries_are_taken_over(url: str, redis: Any) -> None:
    await redis.xgroup_create(STREAM, "hermes", id="0", mkstream=True)
    await redis.xadd(STREAM, {"data": '{"prompt":"orphan"}', "replyto": "my.replies"})
    await redis.xreadgroup("hermes", "dead-worker", {STREAM: ">"}, count=1)
    async with serving(url, echo):
        started = time.monotonic()
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "ORPHAN"
        assert time.monotonic() - started < LEASE + 2


async def test_an_entry_deleted_while_it_was_pending_stops_nobody(url: str, redis: Any) -> None:
    await redis.xgroup_create(STREAM, "hermes", id="0", mkstream=True)
    lost = await redis.xadd(STREAM, {"data": '{"prompt":"lost"}'})
    await redis.xreadgroup("hermes", "dead-worker", {STREAM: ">"}, count=1)
    await redis.xdel(STREAM, lost)
    async with serving(url, echo):

        async def cleared() -> bool:
            return bool((await redis.xpending(STREAM, "hermes"))["pending"] == 0)

        await until(cleared, what="the entry that is gone to hold up nothing")
        await redis.xadd(STREAM, {"data": '{"prompt":"next"}', "replyto": "my.replies"})
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "NEXT"


async def test_what_fails_again_and_again_goes_aside_and_comes_back(url: str, redis: Any) -> None:
    broken = True

    async def tripping(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        if broken:
            raise RuntimeError("the model tripped")
        return answer("at last")

    letters = DeadLetters(redis)
    async with serving(url, tripping):
        await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "replyto": "my.replies"})
        await redis.xadd(STREAM, {"data": "poison"})

        async def both() -> bool:
            return len(await letters.list(STREAM)) == 2

        await until(both, what="two dead letters")
        broken = False
        (failed,) = [each for each in await letters.list(STREAM) if "tripped" in each.reason]
        assert failed.deliveries == 3
        await letters.replay(STREAM, failed.entry_id)
        assert (await replies(redis, "my.replies", 2))[1]["text"] == "at last"


async def test_the_same_id_has_one_effect_and_the_same_answer(url: str, redis: Any) -> None:
    async def counting(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        delivery.emit("effects", request)
        return answer(str(await redis.incr("calls")))

    async with serving(url, counting):
        for _ in range(3):
            await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "id": "same", "replyto": "my.replies"})
        assert {each["text"] for each in await replies(redis, "my.replies", 3)} == {"1"}
    assert await redis.xlen("effects") == 1


async def test_a_flushed_server_is_healed(url: str, redis: Any) -> None:
    async with serving(url, echo), Bus(url, "asker") as bus:
        assert (await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=5)).text == "BEFORE"
        await redis.flushall()
        assert (await bus.ask(STREAM, GenerateRequest(prompt="after"), timeout=10)).text == "AFTER"


async def test_state_position_and_outputs_are_one_commit(url: str, redis: Any) -> None:
    ids = [(await redis.xadd("in", {"data": str(number)})).decode() for number in range(5)]
    async with Bus(url, "desk") as bus:
        first = Sequencer(bus, "desk", ["in"], 5)
        async with first.held():
            await first.read("in", count=3)
            await first.commit(b"two done", {"in": ids[1]}, [first.output("out", GenerateRequest(prompt="x"), id="1")])
        async with Sequencer(bus, "desk", ["in"], 5).held() as saved:
            assert saved == b"two done"
        async with first.held():
            await redis.set("lease:desk", "somebody else")
            with pytest.raises(LeaseLost):
                await first.commit(b"mine", {"in": ids[4]})
    (group,) = (await state_of(redis, "in", time.time())).groups
    assert (group.last_delivered, group.lag, await redis.xlen("out")) == (ids[1], 3, 1)


async def test_streams_are_trimmed_behind_the_slowest_group(url: str, redis: Any) -> None:
    for number in range(1_000):
        await redis.xadd("in", {"data": str(number)}, id=f"{1_000 + number}-0")
    for group in ("fast", "slow"):
        await redis.xgroup_create("in", group, id="0")
    await redis.xreadgroup("fast", "a", {"in": ">"}, noack=True)
    found = await redis.xreadgroup("slow", "a", {"in": ">"}, count=600)
    await redis.xack("in", "slow", *(entry_id for entry_id, _ in found[0][1][:500]))

    async def first() -> bytes:
        return bytes((await redis.xrange("in", count=1))[0][0])

    keep_all = Retention(timedelta(days=365_000), 10_000)
    assert await trim(redis, "in", keep_all, time.time()) == 0
    await trim(redis, "in", keep_all._replace(length=800), time.time())
    assert 800 <= await redis.xlen("in") <= 900  # whole nodes go, on servers that know nothing better
    await trim(redis, "in", Retention(timedelta(0), 10), time.time())
    assert await first() == b"1500-0"  # pending in the slow group, and so are the next 99
    assert await redis.xlen("in") == 500
    await redis.xreadgroup("slow", "a", {"in": ">"}, noack=True)
    assert await trim(redis, "in", Retention(timedelta(0), 10), time.time()) in (0, 400)
    assert (await redis.xpending("in", "slow"))["pending"] == 100
    assert len(await redis.xrange("in", min="1500-0", max="1599-0")) == 100


async def test_dead_letters_are_kept_for_thirty_days(url: str, redis: Any) -> None:
    now = time.time()
    for days in (31, 29):
        await redis.xadd("in:dead", {"data": "x"}, id=f"{int((now - days * 86_400) * 1000)}-0")
    assert await trim_dead_letters(redis, "in", now) == 1
    assert await redis.xlen("in:dead") == 1
    assert timedelta(days=30) == streams.DEAD_AGE


async def test_lag_is_right_whatever_was_trimmed_deleted_or_set(url: str, redis: Any) -> None:
    async def lag() -> int:
        (group,) = (await state_of(redis, "in", time.time())).groups
        async with Bus(url, "looker") as bus:
            assert await bus.backlog("in", "slow") == group.left
        return group.lag

    await redis.xgroup_create("in", "slow", id="0", mkstream=True)
    assert await lag() == 0
    ids = [await redis.xadd("in", {"data": str(number)}) for number in range(100)]
    assert await lag() == 100
    await redis.xreadgroup("slow", "a", {"in": ">"}, count=40)
    assert await lag() == 60
    await redis.xtrim("in", minid=ids[30], approximate=False)  # entries it was handed: nothing changes
    assert await lag() == 60
    await redis.xdel("in", ids[50], ids[60])
    assert await lag() == 58
    await redis.xgroup_setid("in", "slow", ids[89])
    assert await lag() == 10
    await redis.xgroup_setid("in", "slow", ids[99])
    assert await lag() == 0


async def test_a_long_lag_is_estimated_where_it_is_not_known(url: str, redis: Any) -> None:
    async with redis.pipeline(transaction=False) as pipeline:
        for number in range(10_000):
            pipeline.xadd("in", {"data": "x"}, id=f"{1_000_000 + 10 * number}-0")
        await pipeline.execute()
    await redis.xgroup_create("in", "slow", id="0")
    await redis.xgroup_setid("in", "slow", f"{1_000_000 + 10 * 2_499}-0")
    (group,) = (await state_of(redis, "in", time.time())).groups
    assert group.lag == pytest.approx(7_500, rel=0.01)
    await redis.xgroup_setid("in", "slow", "0")
    (group,) = (await state_of(redis, "in", time.time())).groups
    assert group.lag == pytest.approx(10_000, rel=0.01)


async def test_a_group_that_waits_holds_back_only_what_it_has_not_read(url: str, redis: Any) -> None:
    await redis.xgroup_create("in", "slow", id="0", mkstream=True)
    await redis.xadd("in", {"data": "x"})
    await asyncio.sleep(0.05)
    (group,) = (await state_of(redis, "in", time.time())).groups
    assert group.oldest_pending_seconds is None
    assert group.oldest_left_seconds is not None and 0.04 < group.oldest_left_seconds < 5
