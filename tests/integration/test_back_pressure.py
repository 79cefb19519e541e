"""Too much work, and a Redis without room: refused clearly at the door, and over when it is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from tests.support.hermes import Hermes
from tests.support.processes import until

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import streams
from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings
from osiris_mesh.connection import connect

ASK = {"prompt": "Count.", "max_length": 8}


@asynccontextmanager
async def door(redis_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    service = build(GatewaySettings(redis_url=redis_url, probe_port=0, drain_seconds=0.2, **settings))
    async with (
        service.running(probes=True),
        httpx.AsyncClient(base_url=service.presence().probe_url or "", timeout=30) as http,
    ):
        yield http


async def test_retry_after_is_honest(redis_url: str) -> None:
    hermes = Hermes(words=1, pause=0.2)  # 10 a second, with two workers
    redis = connect(redis_url)
    async with hermes.serving(redis_url, workers=2), door(redis_url, queue_limit=20) as http:
        for number in range(60):
            await redis.xadd(f"{streams.HERMES_REQUESTS}:interactive", {"data": f'{{"prompt":"{number}"}}'})
        await asyncio.sleep(2)  # the gateway measures the rate
        response = await http.post("/generate/", json=ASK)
        assert (response.status_code, response.json()["code"]) == (429, "queue_full")
        seconds = int(response.headers["retry-after"])
        assert 1 <= seconds <= 8  # some 20 too many, 10 a second
        await asyncio.sleep(seconds + 0.5)
        assert (await http.post("/generate/", json=ASK)).status_code == 200
    await redis.aclose()


async def test_a_long_batch_queue_refuses_batch_work_alone(redis_url: str) -> None:
    hermes = Hermes(words=1, pause=0.3)
    redis = connect(redis_url)
    async with hermes.serving(redis_url, workers=2), door(redis_url, queue_limit=4) as http:
        for number in range(20):
            await redis.xadd(f"{streams.HERMES_REQUESTS}:batch", {"data": f'{{"prompt":"{number}"}}'})
        await asyncio.sleep(1)  # the gateway sees it
        assert (await http.post("/generate/", json=ASK, headers={"X-Osiris-Priority": "batch"})).status_code == 429
        assert (await http.post("/generate/", json=ASK)).status_code == 200
    await redis.aclose()


async def test_a_full_redis_refuses_and_recovers(server: EmbeddedRedis) -> None:
    redis = connect(server.url)
    async with Hermes().serving(server.url), door(server.url) as http:
        assert (await http.post("/generate/", json=ASK)).status_code == 200
        await redis.config_set("maxmemory", "1")

        async def full() -> Any:
            response = await http.post("/generate/", json=ASK)
            return response if response.status_code == 503 else None

        response = await until(full, what="the door to refuse")
        assert response.json()["code"] == "redis_full"
        assert int(response.headers["retry-after"]) >= 1
        await asyncio.sleep(8)  # longer than a presence lives unannounced
        assert (await full()).json()["code"] == "redis_full"
        assert (await http.get("/healthz")).status_code == 200
        await redis.config_set("maxmemory", "0")

        async def served() -> bool:
            return (await http.post("/generate/", json=ASK)).status_code == 200

        await until(served, what="the door to open again")
    await redis.aclose()


async def test_what_was_taken_up_is_answered_even_when_redis_is_full(server: EmbeddedRedis) -> None:
    hermes = Hermes(words=5, pause=0.1)
    redis = connect(server.url)
    async with hermes.serving(server.url):
        await redis.xadd(streams.HERMES_REQUESTS, {"data": '{"prompt":"x"}', "id": "one", "replyto": "answers"})
        await until(lambda: asyncio.sleep(0, hermes.begun), what="the work to begin")
        await redis.config_set("maxmemory", "1")

        async def answered() -> bool:
            return bool(await redis.xlen("answers"))

        await until(answered, what="the answer")
        await redis.config_set("maxmemory", "0")
    assert (await redis.xpending(streams.HERMES_REQUESTS, "hermes"))["pending"] == 0
    await redis.aclose()
