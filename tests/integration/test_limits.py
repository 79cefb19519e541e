"""How often a key may come, and how many tokens it may take: a real gateway on a real Redis."""

import asyncio
import re
from datetime import UTC, datetime

import httpx
import pytest
from tests.support.gateways import ASK, BOOTSTRAP, CHAT, added, bearer, door, echoing_hermes, problem

from osiris_contracts import ApiKey
from osiris_mesh import Bus
from osiris_mesh.http.limiter import Limiter
from osiris_mesh.http.limits import Limit, RateLimited


async def test_a_bucket_fills_evenly_and_a_refusal_takes_nothing(redis_url: str) -> None:
    key = ApiKey(name="x", digest="0" * 64, scopes=("generate",), created_at=datetime.now(UTC))
    limit = Limit("requests", 120)  # one every half second
    async with Bus(redis_url, "test") as bus:
        limiter = Limiter(bus.writer, requests_per_minute=120, tokens_per_minute=None)
        assert limiter.requests_of(key) == limit and limiter.tokens_of(key) is None
        assert (await limiter.take(key, limit, 100)).remaining == 20
        assert (await limiter.take(key, limit, 20)).remaining == 0
        for _ in range(3):
            with pytest.raises(RateLimited) as refused:
                await limiter.take(key, limit, 1)
            assert refused.value.reading.retry_after == 1
        await asyncio.sleep(0.5)
        assert (await limiter.take(key, limit, 1)).remaining == 0
        limiter.charge(key, limit, 60)  # owed
        with pytest.raises(RateLimited) as refused:
            await limiter.take(key, limit, 1)
        assert 30 <= refused.value.reading.retry_after <= 31
        limiter.charge(key, limit, -500)  # more than was ever taken: the bucket is full, not fuller
        assert (await limiter.take(key, limit, 1)).remaining == 119
        with pytest.raises(RateLimited):
            await limiter.take(key, limit, 100_000)  # as much as all of it, which is not there


async def test_a_bucket_is_never_drawn_below_nothing_by_many_at_once(redis_url: str) -> None:
    key = ApiKey(name="x", digest="0" * 64, scopes=("generate",), created_at=datetime.now(UTC))
    limit = Limit("requests", 50)
    async with Bus(redis_url, "one") as one, Bus(redis_url, "two") as two:
        limiters = [Limiter(bus.writer, requests_per_minute=50, tokens_per_minute=None) for bus in (one, two)]
        taken = await asyncio.gather(
            *(limiters[number % 2].take(key, limit, 1) for number in range(200)), return_exceptions=True
        )
    assert sum(not isinstance(each, Exception) for each in taken) in (50, 51)  # one comes back in 1.2 s


async def test_keys_without_limits_have_those_of_the_settings(redis_url: str) -> None:
    mine, plain = await added(redis_url, "mine", requests_per_minute=5), await added(redis_url, "plain")
    async with door(redis_url, requests_per_minute=7, tokens_per_minute=1000, api_key=BOOTSTRAP) as http:
        for secret, limit in ((mine, 5), (plain, 7), (BOOTSTRAP, 7)):
            response = await http.get("/v1/models", headers=bearer(secret))
            assert response.headers["ratelimit-policy"] == f'"requests";q={limit};w=60'


async def test_tokens_are_reserved_before_and_corrected_after(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=1000))
    async with echoing_hermes(redis_url, prompt_tokens=100, answer_tokens=150), door(redis_url) as http:
        body = {"prompt": "x" * 40, "max_length": 490}  # an estimate of 500
        first = await http.post("/generate", json=body, headers=secret)
        assert first.status_code == 200
        assert first.headers["ratelimit-policy"] == '"tokens";q=1000;w=60'
        assert first.headers["ratelimit"].startswith('"tokens";r=500;')
        second = await http.post("/generate", json=body, headers=secret)  # the first took 250 after all
        assert second.headers["ratelimit"].startswith('"tokens";r=25')
        third = await http.post("/generate", json=body, headers=secret)  # 500 are left, and a little
        assert third.status_code == 200 and third.headers["ratelimit"].startswith(('"tokens";r=0;', '"tokens";r=1;'))
        fourth = await http.post("/generate", json=body, headers=secret)
        assert "1000 tokens a minute" in problem(fourth, 429, "rate_limit_exceeded").detail
        wait = int(fourth.headers["retry-after"])
        assert 12 <= wait <= 15  # 250 of 500 are missing, 16.7 come back in a second
        assert fourth.headers["ratelimit"].startswith('"tokens";r=25')
        small = await http.post("/generate", json={"prompt": "x", "max_length": 10}, headers=secret)
        assert small.status_code == 200


async def test_more_than_a_minute_holds_is_served_from_a_full_bucket_and_owed(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=100))
    async with echoing_hermes(redis_url, prompt_tokens=100, answer_tokens=200), door(redis_url) as http:
        long = {"prompt": "x", "max_length": 4096}
        assert (await http.post("/generate", json=long, headers=secret)).status_code == 200
        refused = await http.post("/generate", json={"prompt": "x", "max_length": 1}, headers=secret)
        assert 119 <= int(refused.headers["retry-after"]) <= 122  # 200 owed, and the 2 it asks for


async def test_a_call_for_many_answers_is_served_whole(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=600))
    async with echoing_hermes(redis_url, prompt_tokens=0, answer_tokens=200), door(redis_url) as http:
        chat = CHAT | {"n": 4, "max_tokens": 200}
        answer = await http.post("/v1/chat/completions", json=chat, headers=secret)
        assert len(answer.json()["choices"]) == 4
        refused = await http.post("/v1/chat/completions", json=chat, headers=secret)
        assert refused.status_code == 429
        assert 38 <= int(refused.headers["retry-after"]) <= 41  # 800 taken of 600, and 201 asked for


async def test_what_was_refused_or_is_given_again_costs_no_tokens(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=1000))
    async with door(redis_url) as http:
        for _ in range(5):
            assert (await http.post("/generate", json=ASK, headers=secret)).status_code == 503  # nobody answers
        async with echoing_hermes(redis_url, prompt_tokens=300, answer_tokens=300):
            again = {**secret, "idempotency-key": "one"}
            body = {"prompt": "x", "max_length": 499}
            for _ in range(4):
                assert (await http.post("/generate", json=body, headers=again)).status_code == 200
            other = await http.post("/generate", json=body, headers=secret)
            assert other.status_code == 429  # 600 of 1000 were taken, once


async def test_a_streamed_answer_is_metered_too(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=1000))
    async with echoing_hermes(redis_url, prompt_tokens=300, answer_tokens=300), door(redis_url) as http:
        body = {"prompt": "x", "max_length": 499, "stream": True}
        first = await http.post("/generate", json=body, headers=secret)
        assert first.status_code == 200 and first.headers["ratelimit"].startswith('"tokens";r=500')
        assert (await http.post("/generate", json=body, headers=secret)).status_code == 429


async def test_work_that_was_begun_for_nobody_is_charged(redis_url: str) -> None:
    secret = bearer(await added(redis_url, tokens_per_minute=3000))
    body = {"prompt": "x", "max_length": 999}
    async with echoing_hermes(redis_url, seconds=30), door(redis_url) as http:
        late = await http.post("/generate", json=body, headers={**secret, "x-osiris-deadline-ms": "300"})
        assert late.status_code == 504
        with pytest.raises(httpx.ReadTimeout):
            await http.post("/generate", json=body, headers=secret, timeout=0.3)
        third = await http.post("/generate", json=body, headers={**secret, "x-osiris-deadline-ms": "300"})
        left = int(re.findall(r"r=(\d+)", third.headers["ratelimit"])[0])
        assert left < 300  # 3000 less three estimates of 1000, and what came back meanwhile
