"""Bounded without loss: what is trimmed, what is never trimmed, and what is remembered for how long."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.serving import STREAM, answer, echo, replies, serving

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import GenerateRequest, GenerateResult, streams
from osiris_contracts.streams import Retention
from osiris_mesh import Bus, Delivery
from osiris_mesh.connection import connect
from osiris_mesh.delivery import LONGEST_ANSWER, REPLY_SECONDS
from osiris_mesh.trim import keep_trimming, trim

NOTHING = Retention(timedelta(0), 1_000_000)
"""Keeps nothing that is finished."""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(params=["this Redis", "an older one"])
def commands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Trim with what this Redis can, and with what every Redis can; tests/compat has the older servers themselves."""
    if request.param == "an older one":

        async def old(_: Any) -> bool:
            return False

        monkeypatch.setattr("osiris_mesh.trim.trims_acknowledged", old)
    return str(request.param)


READS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 8), st.sets(st.integers(0, 7))), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.integers(1, 20), reads=READS, length=st.integers(0, 20))
def test_nothing_a_group_has_not_finished_is_ever_trimmed(
    shared_redis: EmbeddedRedis, commands: str, entries: int, reads: list[tuple[str, int, set[int]]], length: int
) -> None:
    async def example() -> None:
        redis = connect(shared_redis.url)
        await redis.flushall()
        ids = [await redis.xadd("in", {"data": str(number)}) for number in range(entries)]
        finished: dict[str, set[bytes]] = {"a": set(), "b": set()}
        for group in finished:
            await redis.xgroup_create("in", group, id="0")
        for group, count, acknowledged in reads:
            found = await redis.xreadgroup(group, "reader", {"in": ">"}, count=count)
            handed = [entry_id for entry_id, _ in found[0][1]] if found else []
            done = {handed[number] for number in acknowledged if number < len(handed)}
            if done:
                await redis.xack("in", group, *done)
            finished[group] |= done
        await trim(redis, "in", Retention(timedelta(days=1), length), time.time())
        kept = {entry_id for entry_id, _ in await redis.xrange("in")}
        assert len(kept) >= min(length, entries)
        await trim(redis, "in", NOTHING, time.time() + 10)
        left = {entry_id for entry_id, _ in await redis.xrange("in")}
        unfinished = set(ids) - (finished["a"] & finished["b"])
        assert unfinished <= left <= kept
        if commands == "this Redis":
            assert left == unfinished
        else:
            assert not left or min(left) in unfinished
        await redis.aclose()

    asyncio.run(example())


async def test_a_long_job_holds_up_nothing_but_itself(redis: Any) -> None:
    await redis.xgroup_create("in", "hermes", id="0", mkstream=True)
    ids = [await redis.xadd("in", {"data": str(number)}) for number in range(100)]
    await redis.xreadgroup("hermes", "worker", {"in": ">"})
    await redis.xack("in", "hermes", *ids[1:])  # the first is still being thought about
    assert await trim(redis, "in", NOTHING, time.time() + 10) == 99
    assert [entry_id for entry_id, _ in await redis.xrange("in")] == ids[:1]


async def test_a_sequencers_position_counts_as_finished(redis: Any, commands: str) -> None:
    ids = [await redis.xadd("in", {"data": str(number)}) for number in range(10)]
    await redis.xgroup_create("in", "desk", id="0")
    await redis.xgroup_setid("in", "desk", ids[5])  # reads without being handed, as `Sequencer` does
    assert await trim(redis, "in", NOTHING, time.time() + 10) == 6
    assert [entry_id for entry_id, _ in await redis.xrange("in")] == ids[6:]


async def test_a_stream_that_nobody_reads_is_bounded_as_well(redis: Any, commands: str) -> None:
    for number in range(1_000):
        await redis.xadd("in", {"data": str(number)})
    await trim(redis, "in", Retention(timedelta(days=1), 300), time.time())
    assert 300 <= await redis.xlen("in") <= 400
    await trim(redis, "in", Retention(timedelta(0), 300), time.time() + 10)
    assert await redis.xlen("in") == 0


async def test_each_streams_bounds_are_its_own_and_can_be_set(
    redis_url: str, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osiris_mesh.trim.EVERY_SECONDS", 0.05)
    lane = streams.lane(streams.HERMES_REQUESTS, "batch")
    for name in ("short", "long", lane):
        for _ in range(500):
            await redis.xadd(name, {"data": "x"})
    old = int((time.time() - 40 * 86_400) * 1000)
    await redis.xadd("short:dead", {"data": "x"}, id=f"{old}-0")
    trimming = asyncio.create_task(
        keep_trimming(redis, ("short", "long", lane), {"short": 50, streams.HERMES_REQUESTS: 60})
    )
    async with asyncio.timeout(10):
        while max(await redis.xlen("short"), await redis.xlen(lane)) > 160 or await redis.xlen("short:dead"):
            await asyncio.sleep(0.05)
    trimming.cancel()
    assert await redis.xlen("long") == 500
    assert streams.retention(lane) == streams.retention(streams.HERMES_REQUESTS) != streams.retention("long")
    assert streams.RETENTION[streams.PROPOSAL_ASSESSED].age >= timedelta(hours=24)  # /health looks back a day


async def test_a_service_trims_its_control_stream(redis_url: str, redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osiris_mesh.trim.EVERY_SECONDS", 0.05)
    long_ago = int((time.time() - 7_200) * 1000)
    await redis.xadd("control.hermes", {"data": '{"command":"cancel","request_id":"x"}'}, id=f"{long_ago}-0")
    async with serving(redis_url, echo), asyncio.timeout(10):
        while await redis.xlen("control.hermes"):
            await asyncio.sleep(0.05)


async def test_reply_streams_vanish(redis_url: str, redis: Any) -> None:
    async with serving(redis_url, echo), Bus(redis_url, "asker") as bus:
        await bus.ask(STREAM, GenerateRequest(prompt="x"), timeout=5)
        await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "replyto": "a.strangers"})
        await redis.xadd(STREAM, {"data": '{"prompt":" "}', "replyto": "told.of.poison"})
        for name in ("a.strangers", "told.of.poison"):
            await replies(redis, name, 1)
            async with asyncio.timeout(5):
                while await redis.ttl(name) < 0:
                    await asyncio.sleep(0.02)
            assert REPLY_SECONDS - 60 < await redis.ttl(name) <= REPLY_SECONDS
    assert [key async for key in redis.scan_iter(match="replies.*")] == []


async def test_the_last_answers_are_repeated_and_older_ones_told_of(redis_url: str, redis: Any) -> None:
    async def counting(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        return answer(f"{request.prompt} {await redis.incr('calls')}")

    kept = 50
    async with serving(redis_url, counting, answers_kept=kept):
        for number in range(300):
            await redis.xadd(STREAM, {"data": '{"prompt":"call"}', "id": f"id-{number}", "replyto": "first"})
        first = {each["text"] for each in await replies(redis, "first", 300)}
        await redis.xadd(STREAM, {"data": '{"prompt":"call"}', "id": "id-0", "replyto": "too.late"})
        await redis.xadd(STREAM, {"data": '{"prompt":"call"}', "id": "id-299", "replyto": "in.time"})
        (late,) = await replies(redis, "too.late", 1)
        (early,) = await replies(redis, "in.time", 1)
    assert await redis.get("calls") == b"300"
    assert early["text"] in first
    assert (late["code"], "answered before" in late["message"]) == ("invalid_request", True)
    assert kept <= await redis.xlen("effect-answers:hermes") <= kept + 100  # whole nodes go
    assert 86_000 < await redis.ttl("effect:hermes:id-0") <= 86_400


async def test_a_very_long_answer_is_given_and_not_kept(redis_url: str, redis: Any) -> None:
    async def long(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await redis.incr("calls")
        return answer("word " * LONGEST_ANSWER)

    async with serving(redis_url, long):
        for number in (1, 2):
            await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "id": "same", "replyto": "my.replies"})
            kinds = [each["kind"] for each in await replies(redis, "my.replies", number)]
    assert (kinds, await redis.get("calls")) == (["result", "error"], b"1")
    assert await redis.memory_usage("effect:hermes:same") < 200
    assert await redis.exists("effect-answers:hermes") == 0


async def test_remembering_a_message_takes_little_memory(redis: Any) -> None:
    """What docs/delivery.md says: the bytes of an id, and of a typical answer."""
    text = answer("It fell on heavy volume, so I would wait for the close before I add to it. " * 12)
    before = (await redis.info("memory"))["used_memory"]
    async with redis.pipeline(transaction=False) as pipeline:
        for number in range(5_000):
            pipeline.set(f"effect:hermes:0190c6e2-7c1a-7b6e-8f00-{number:012d}", "1718000000000-0", ex=86_400)
        await pipeline.execute()
    ids = ((await redis.info("memory"))["used_memory"] - before) / 5_000
    before = (await redis.info("memory"))["used_memory"]
    for _ in range(1_000):
        await redis.xadd("effect-answers:hermes", {"data": text.model_dump_json()})
    answers = ((await redis.info("memory"))["used_memory"] - before) / 1_000
    assert ids < 250
    assert answers < 1.5 * len(text.model_dump_json())
