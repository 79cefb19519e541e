"""The promise of delivery, over a real Redis: plain entries, poison, retries, takeover, deadlines, healing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.processes import until
from tests.support.serving import LEASE, STREAM, answer, echo, replies, serving

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import Chunk, GenerateRequest, GenerateResult, streams
from osiris_mesh import Bus, DeadLetters, Delivery, Refused
from osiris_mesh.connection import connect
from osiris_mesh.subscription import Subscription


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_a_plain_entry_is_served_and_a_plain_reader_reads_the_answer(redis_url: str, redis: Any) -> None:
    await redis.xadd(STREAM, {"data": '{"prompt":"early"}', "replyto": "my.replies"})  # before anybody listens
    async with serving(redis_url, echo):
        await redis.xadd(STREAM, {"data": '{"prompt":"later"}', "replyto": "my.replies"})
        assert {each["text"] for each in await replies(redis, "my.replies", 2)} == {"EARLY", "LATER"}


async def test_an_asker_gets_chunks_and_the_result(redis_url: str) -> None:
    async def stream(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        for index, word in enumerate(request.prompt.split()):
            delivery.send(Chunk(index=index, text=word))
        return answer(request.prompt)

    async with serving(redis_url, stream), Bus(redis_url, "asker") as bus:
        got = [each async for each in bus.replies_to(STREAM, GenerateRequest(prompt="one two"), timeout=5)]
    assert [each.text for each in got] == ["one", "two", "one two"]


POISON = {
    "broken JSON": ({"data": '{"prompt":'}, "Invalid JSON"),
    "wrong schema": ({"data": '{"prompt":"x","max_length":-1}'}, "max_length"),
    "unknown field": ({"data": '{"prompt":"x","shout":true}'}, "shout"),
    "not a number": ({"data": '{"prompt":"x","temperature":NaN}'}, "temperature"),
    "binary": ({"data": b"\x00\xff\xfe\x80"}, "Invalid JSON"),
    "no data": ({"prompt": "x"}, "expected a field 'data'"),
    "bad deadline": ({"data": '{"prompt":"x"}', "deadline": "soon"}, "deadline"),
    "bad priority": ({"data": '{"prompt":"x"}', "priority": "mine"}, "priority"),
}


@pytest.mark.parametrize("kind", POISON)
async def test_poison_goes_aside_with_the_reason_and_the_service_goes_on(kind: str, redis_url: str, redis: Any) -> None:
    entry, reason = POISON[kind]
    async with serving(redis_url, echo):
        await redis.xadd(STREAM, entry)
        await redis.xadd(STREAM, {"data": '{"prompt":"fine"}', "replyto": "my.replies"})
        await replies(redis, "my.replies", 1)

        async def buried() -> Any:
            return await DeadLetters(redis).list(STREAM)

        (letter,) = await until(buried, what="a dead letter")
    assert reason in letter.reason
    assert letter.deliveries == 1
    assert (await redis.xpending(STREAM, "hermes"))["pending"] == 0
    raw = (await redis.xrange(streams.dead(STREAM)))[0][1]
    assert all(
        raw[str(name).encode()] == (value if isinstance(value, bytes) else value.encode())
        for name, value in entry.items()
    )


async def test_the_sender_of_an_invalid_request_is_told(redis_url: str, redis: Any) -> None:
    async with serving(redis_url, echo):
        await redis.xadd(STREAM, {"data": '{"prompt":" "}', "replyto": "my.replies"})
        (reply,) = await replies(redis, "my.replies", 1)
    assert (reply["kind"], reply["code"]) == ("error", "invalid_request")


async def test_a_handler_that_fails_is_tried_again_and_then_given_up(redis_url: str, redis: Any) -> None:
    tries: list[str] = []

    async def failing(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        tries.append(request.prompt)
        if request.prompt == "once" and tries.count("once") > 1:
            return answer("at last")
        raise RuntimeError("the model tripped")

    async with serving(redis_url, failing):
        await redis.xadd(STREAM, {"data": '{"prompt":"once"}', "replyto": "once"})
        await redis.xadd(STREAM, {"data": '{"prompt":"never"}', "replyto": "never"})
        assert (await replies(redis, "once", 1))[0]["text"] == "at last"
        assert (await replies(redis, "never", 1))[0]["code"] == "internal"
    (letter,) = await DeadLetters(redis).list(STREAM)
    assert letter.reason == "failed 3 times, last: RuntimeError: the model tripped"
    assert (tries.count("once"), tries.count("never")) == (2, 3)


async def test_a_refusal_is_an_answer_not_a_failure(redis_url: str) -> None:
    async def refusing(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        raise Refused("prompt_too_long", "expected at most 10 tokens, got 11", {"limit": 10})

    async with serving(redis_url, refusing), Bus(redis_url, "asker") as bus:
        with pytest.raises(Refused, match="expected at most 10 tokens") as caught:
            await bus.ask(STREAM, GenerateRequest(prompt="x"), timeout=5)
        assert (caught.value.code, caught.value.details) == ("prompt_too_long", {"limit": 10})
        assert await DeadLetters(bus.redis).list(STREAM) == []


async def test_a_message_that_comes_twice_has_one_effect_and_the_same_answer(redis_url: str, redis: Any) -> None:
    async def counting(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        delivery.emit("effects", request)
        return answer(str(await redis.incr("calls")))

    async with serving(redis_url, counting):
        for _ in range(3):
            await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "id": "same", "replyto": "my.replies"})
        assert {each["text"] for each in await replies(redis, "my.replies", 3)} == {"1"}
    assert await redis.xlen("effects") == 1


async def test_a_dead_workers_entries_are_taken_over_within_the_lease(redis_url: str, redis: Any) -> None:
    await redis.xgroup_create(STREAM, "hermes", id="0", mkstream=True)
    await redis.xadd(STREAM, {"data": '{"prompt":"orphan"}', "replyto": "my.replies"})
    await redis.xreadgroup("hermes", "dead-worker", {STREAM: ">"}, count=1)
    async with serving(redis_url, echo):
        started = time.monotonic()
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "ORPHAN"
        assert time.monotonic() - started < LEASE + 1.5


async def test_a_live_worker_keeps_its_entry_however_long_it_thinks(redis_url: str, redis: Any) -> None:
    async def slow(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await redis.incr("calls")
        await asyncio.sleep(3 * LEASE)
        return answer("done")

    async with serving(redis_url, slow), serving(redis_url, slow):
        await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "replyto": "my.replies"})
        await replies(redis, "my.replies", 1)
        await asyncio.sleep(LEASE)
    assert (await redis.get("calls"), await redis.xlen("my.replies")) == (b"1", 1)


async def test_work_that_kills_its_worker_again_and_again_is_put_aside(redis_url: str, redis: Any) -> None:
    await redis.xgroup_create(STREAM, "hermes", id="0", mkstream=True)
    await redis.xadd(STREAM, {"data": '{"prompt":"killer"}'})
    for worker in ("first", "second", "third"):  # each took it, and died
        await redis.xreadgroup("hermes", worker, {STREAM: ">"}, count=1)
        if worker != "first":
            await redis.xautoclaim(STREAM, "hermes", worker, 0, "0-0")
    async with serving(redis_url, echo):

        async def buried() -> Any:
            return await DeadLetters(redis).list(STREAM)

        (letter,) = await until(buried)
    assert letter.reason == "delivered 3 times, and its worker died each time"


async def test_past_its_deadline_work_is_dropped_and_answered(redis_url: str, redis: Any) -> None:
    async def slow(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await asyncio.sleep(5)
        return answer("too late")

    async with serving(redis_url, slow):
        now = int(time.time() * 1000)
        for deadline in (now - 1000, now + 300):  # over before it began, and within
            await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "replyto": "my.replies", "deadline": str(deadline)})
        assert [each["code"] for each in await replies(redis, "my.replies", 2)] == ["deadline_exceeded"] * 2


async def test_an_asker_that_goes_away_cancels_its_request(redis_url: str) -> None:
    cancelled = asyncio.Event()

    async def slow(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        try:
            delivery.send(Chunk(index=0, text="…"))
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return answer("nobody reads this")

    async with serving(redis_url, slow) as service, Bus(redis_url, "asker") as bus:
        async for _ in (asked := bus.replies_to(STREAM, GenerateRequest(prompt="x"), timeout=30)):
            break
        await asked.aclose()
        await asyncio.wait_for(cancelled.wait(), 5)

        async def idle() -> bool:
            return service.presence().in_flight == 0 and await bus.backlog(STREAM, "hermes") == 0

        await until(idle, what="the slot to be free")


async def test_a_stopping_service_finishes_what_it_holds_and_gives_the_rest_back(redis_url: str, redis: Any) -> None:
    async def short(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await redis.incr("begun")
        await asyncio.sleep(0.4)
        return answer(request.prompt)

    async with serving(redis_url, short, workers=1, lease_seconds=60):
        for number in range(4):
            await redis.xadd(STREAM, {"data": json.dumps({"prompt": f"{number}"}), "replyto": "my.replies"})

        async def begun() -> Any:
            return await redis.get("begun")

        await until(begun)
    done = await redis.xlen("my.replies")
    assert 1 <= done < 4
    async with serving(redis_url, short, lease_seconds=60):  # no waiting for a lease of a minute
        texts = [each["text"] for each in await replies(redis, "my.replies", 4)]
    assert sorted(texts) == ["0", "1", "2", "3"]


async def test_a_flushed_redis_is_healed(redis_url: str, redis: Any) -> None:
    async with serving(redis_url, echo), Bus(redis_url, "asker") as bus:
        assert (await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=5)).text == "BEFORE"
        await redis.flushall()
        assert (await bus.ask(STREAM, GenerateRequest(prompt="after"), timeout=10)).text == "AFTER"


async def test_what_comes_between_a_flush_and_the_start_of_a_reader_is_served(
    redis_url: str, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Subscription.prepare

    async def prepare_and_lose_it(self: Subscription) -> None:
        await prepare(self)
        await redis.flushall()
        await redis.xadd(STREAM, {"data": '{"prompt":"early"}', "replyto": "my.replies"})

    monkeypatch.setattr(Subscription, "prepare", prepare_and_lose_it)
    async with serving(redis_url, echo):
        monkeypatch.setattr(Subscription, "prepare", prepare)
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "EARLY"


async def test_a_restarted_redis_is_ridden_out(server: EmbeddedRedis) -> None:
    async with serving(server.url, echo), Bus(server.url, "asker") as bus:
        assert (await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=5)).text == "BEFORE"
        await asyncio.to_thread(server.stop)
        asking = asyncio.create_task(bus.ask(STREAM, GenerateRequest(prompt="meanwhile"), timeout=20))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)
        assert (await asking).text == "MEANWHILE"


async def test_a_drained_service_takes_nothing_until_it_is_resumed(redis_url: str, redis: Any) -> None:
    async with serving(redis_url, echo) as service:
        await redis.xadd("control.hermes", {"data": '{"command":"drain","reason":"low memory"}'})

        async def draining() -> bool:
            return service.presence().draining

        await until(draining)
        await redis.xadd(STREAM, {"data": '{"prompt":"waits"}', "replyto": "my.replies"})
        await asyncio.sleep(1.2)
        assert await redis.xlen("my.replies") == 0
        await redis.xadd("control.hermes", {"data": '{"command":"resume"}'})
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "WAITS"


async def test_many_askers_at_once_each_get_their_own_answer(redis_url: str) -> None:
    async with serving(redis_url, echo, workers=16), Bus(redis_url, "asker") as bus:
        asked = [bus.ask(STREAM, GenerateRequest(prompt=f"n{number}"), timeout=30) for number in range(500)]
        assert [each.text for each in await asyncio.gather(*asked)] == [f"N{number}" for number in range(500)]


async def test_the_probes_tell_life_readiness_and_numbers(redis_url: str, redis: Any) -> None:
    async with serving(redis_url, echo) as service, httpx.AsyncClient() as http:
        await redis.xadd(STREAM, {"data": '{"prompt":"x"}', "replyto": "my.replies"})
        await redis.xadd(STREAM, {"data": "poison"})
        await replies(redis, "my.replies", 1)
        url = service.presence().probe_url
        assert (await http.get(f"{url}/healthz")).status_code == 200
        assert (await http.get(f"{url}/readyz")).status_code == 200
        await service.drain()
        assert (await http.get(f"{url}/readyz")).status_code == 503
        metrics = (await http.get(f"{url}/metrics", follow_redirects=True)).text
        for name in ("handled", "dead"):
            assert f'osiris_{name}_total{{stream="{STREAM}"}} 1.0' in metrics
        for name in ("in_flight", "lag", "pending", "oldest_pending_seconds", "handler_seconds_count"):
            assert f"osiris_{name}" in metrics
        assert "hermes.requests" in (await http.get(f"{url}/asyncapi")).text
        document = (await http.get(f"{url}/asyncapi.json")).json()
        assert "GenerateRequest" in document["components"]["schemas"]
