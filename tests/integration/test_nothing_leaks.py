"""What people ask, and the keys they ask with, are in no log."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.desk import services
from tests.support.gateways import added, bearer
from tests.support.processes import Process, until

from osiris_contracts import Feedback, streams
from osiris_mesh import DeadLetters
from osiris_mesh.connection import Client, connect
from osiris_mesh.presence import alive

PROMPT = "marker-of-a-prompt"
BOOTSTRAP = "marker-of-the-bootstrap-key"
WRONG = "marker-of-a-wrong-key"
MARKERS = (PROMPT, BOOTSTRAP, WRONG)


pytestmark = pytest.mark.slow


@pytest.fixture
async def desk(redis_url: str, tmp_path: Path, models_root: Path) -> AsyncIterator[dict[str, Process]]:
    """A desk that logs all it can."""
    settings = {"OSIRIS_LOG_LEVEL": "debug", "OSIRIS_LOG_FORMAT": "console", "OSIRIS_GATEWAY_API_KEY": BOOTSTRAP}
    names = ("phi3", "hermes", "trainer", "gateway")
    async with services(redis_url, tmp_path, models_root, *names, OSIRIS_MAX_DELIVERIES="1", **settings) as running:
        yield running


async def test_no_log_holds_a_prompt_or_a_key(desk: dict[str, Process], redis_url: str) -> None:
    secret = await added(redis_url, "app", scopes=("admin",), requests_per_minute=30)
    redis = connect(redis_url)
    (gateway,) = await alive(redis, "gateway")
    async with httpx.AsyncClient(base_url=gateway.probe_url or "", timeout=60) as http:
        await until_known(http, secret)
        statuses = await use_it(http, bearer(secret)) | await use_it(http, {"x-api-key": BOOTSTRAP})
        assert {200, 400, 401, 404, 422} <= statuses
        statuses = {(await http.get("/v1/models", headers=bearer(secret))).status_code for _ in range(40)}
        assert statuses == {200, 429}
    await publish_what_cannot_be_used(redis)
    letters = DeadLetters(redis)

    async def all_are_dead() -> bool:
        return sum((await letters.streams()).values()) >= 6

    await until(all_are_dead, what="dead letters")
    reasons = [each.reason for name in await letters.streams() for each in await letters.list(name, 100)]
    await redis.aclose()

    for process in desk.values():
        process.terminate()
    logs = {name: process.log() for name, process in desk.items()}
    assert all("ready" in log for log in logs.values())
    assert "entry put aside" in logs["hermes"] and "entry put aside" in logs["trainer"]
    for marker in (*MARKERS, secret, secret.removeprefix("osiris_")):
        assert [name for name, log in logs.items() if marker in log] == []
        assert [reason for reason in reasons if marker in reason] == []


async def use_it(http: httpx.AsyncClient, key: dict[str, str]) -> set[int]:
    """Ask in every way, well and badly; the statuses."""
    chat = {"model": "hermes", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 4}
    bodies = [
        ("/generate", {"prompt": PROMPT, "max_length": 4}),
        ("/generate", {"prompt": PROMPT, "max_length": 4, "stream": True}),
        ("/generate/hermes", {"prompt": PROMPT + " word" * 15_000, "max_length": 4}),
        ("/generate/phi3", {"prompt": PROMPT, "max_length": 64}),
        ("/generate", {"prompt": PROMPT, PROMPT: PROMPT}),
        ("/generate", {"prompt": {PROMPT: 1}}),
        ("/propose_trade_adjustments", {"prompt": PROMPT, "max_length": 4}),
        ("/v1/chat/completions", chat),
        ("/v1/chat/completions", chat | {"model": PROMPT}),
        ("/v1/chat/completions", chat | {"response_format": {"type": "json_object", "x": PROMPT}}),
        ("/v1/completions", {"model": "hermes", "prompt": PROMPT, "max_tokens": 4}),
    ]
    found = set()
    for path, body in bodies:
        found.add((await http.post(path, json=body, headers=key)).status_code)
        found.add((await http.post(path, json=body, headers=bearer(WRONG))).status_code)
    broken = {**key, "content-type": "application/json"}
    for content in (f'{{"prompt": "{PROMPT}', f'["{PROMPT}"]', f'{{"prompt": "{PROMPT}\\ud800"}}'):
        found.add((await http.post("/generate", content=content.encode(), headers=broken)).status_code)
    return found


async def until_known(http: httpx.AsyncClient, secret: str) -> None:
    async def opens() -> bool:
        return (await http.get("/v1/models", headers=bearer(secret))).status_code == 200

    await until(opens)


async def publish_what_cannot_be_used(redis: Client) -> None:
    """Entries by any Redis client that end as dead letters, with the reason in the log."""
    for data in (PROMPT, json.dumps({"prompt": [PROMPT]}), json.dumps({"prompt": "x", "max_length": PROMPT})):
        await redis.xadd(streams.HERMES_REQUESTS, {"data": data})
    for stream in (streams.PROPOSAL_CREATED, streams.PROPOSAL_ASSESSED, streams.FEEDBACK_SUBMITTED):
        facts = {name: PROMPT for name in Feedback.model_fields}
        await redis.xadd(stream, {"data": json.dumps(facts)})
        await redis.xadd(stream, {"data": f'{{"prompt": "{PROMPT}'})
