"""Gateways inside the test, keys for them, and a hermes that costs nothing behind them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.support.processes import until

from osiris_contracts import (
    ApiKey,
    GenerateRequest,
    GenerateResult,
    ModelStatus,
    Problem,
    Usage,
    api_key_digest,
    new_api_key,
    streams,
)
from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings
from osiris_mesh import Delivery, MeshSettings, Service
from osiris_mesh.connection import connect
from osiris_mesh.key_ring import KeyRing

ASK = {"prompt": "What is a fill?", "max_length": 8}
CHAT = {"model": "hermes", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 8}
BOOTSTRAP = "a key of sixteen characters"


@asynccontextmanager
async def door(redis_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway on a free port, and a client of it."""
    service = build(GatewaySettings(redis_url=redis_url, probe_port=0, **settings))
    async with (
        service.running(probes=True),
        httpx.AsyncClient(base_url=service.presence().probe_url or "", timeout=60) as http,
    ):
        yield http


@asynccontextmanager
async def echoing_hermes(
    redis_url: str, *, prompt_tokens: int = 10, answer_tokens: int = 20, seconds: float = 0
) -> AsyncIterator[Service]:
    """Answers with the prompt after so many seconds, and says that it took so many tokens."""
    service = Service("hermes", MeshSettings(redis_url=redis_url, drain_seconds=1))
    service.model_status = lambda: ModelStatus(loaded=True, version="echo", file_exists=True, device="cpu")

    @service.consume(streams.HERMES_REQUESTS, GenerateRequest)
    async def echo(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
        await asyncio.sleep(seconds)
        return GenerateResult(
            model_id="hermes",
            model_version="echo",
            text=request.prompt or request.messages[-1].content,
            finish_reason="stop",
            usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=answer_tokens),
        )

    async with service.running():
        yield service


@asynccontextmanager
async def key_ring(redis_url: str) -> AsyncIterator[KeyRing]:
    """The keys in a Redis."""
    redis = connect(redis_url)
    try:
        yield KeyRing(redis)
    finally:
        await redis.aclose()


async def added(redis_url: str, name: str = "notebook", **facts: Any) -> str:
    """A new key; the secret."""
    secret = new_api_key()
    about = {"scopes": ("generate",), "created_at": datetime.now(UTC)} | facts
    async with key_ring(redis_url) as ring:
        assert await ring.add(ApiKey(name=name, digest=api_key_digest(secret.encode()), **about))
    return secret


def bearer(secret: str) -> dict[str, str]:
    """The header with a key."""
    return {"authorization": f"Bearer {secret}"}


def problem(response: httpx.Response, status: int, code: str) -> Problem:
    """The problem body of `response`, which must be of this kind."""
    assert response.status_code == status, response.text
    found = Problem.model_validate_json(response.content)
    assert found.code == code
    return found


async def until_status(http: httpx.AsyncClient, status: int, headers: dict[str, str], *, timeout: float = 5) -> float:
    """Ask until the answer has `status`; the seconds it took."""
    started = time.monotonic()

    async def seen() -> bool:
        return (await http.get("/v1/models", headers=headers)).status_code == status

    await until(seen, timeout=timeout, what=f"status {status}")
    return time.monotonic() - started
