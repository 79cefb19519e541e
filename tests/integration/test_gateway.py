"""The HTTP door with the real models behind it, started once for all tests of this file."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from tests.support.desk import services
from tests.support.gateways import door
from tests.support.processes import until

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import Problem, Proposal, ProposalAssessed, ProposalCreated, ProposedTrade, streams
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse
from osiris_mesh.queues import waiting

pytestmark = [pytest.mark.xdist_group("gateway"), pytest.mark.asyncio(loop_scope="module")]

ENDPOINTS = ("generate", "generate/hermes", "generate/phi3", "propose_trade_adjustments", "feedback/phi3", "health")
PROPOSAL = {"ticker": "SPY", "action": "pass", "confidence": 0.5, "rationale": "Nothing to do."}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, models_root: Path) -> AsyncIterator[tuple[str, Path]]:
    """Redis, phi3, hermes and the recorder; yields the URL of Redis and the home."""
    folder = tmp_path_factory.mktemp("gateway")
    with EmbeddedRedis(folder / "redis", persistent=False) as redis:
        async with services(redis.url, folder / "home", models_root, "phi3", "hermes", "trainer"):
            yield redis.url, folder / "home"


@pytest_asyncio.fixture(loop_scope="module")
async def http(desk: tuple[str, Path]) -> AsyncIterator[httpx.AsyncClient]:
    async with door(desk[0]) as client:
        yield client


def problem(response: httpx.Response) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(response.content)
    assert found.status == response.status_code
    assert (found.instance or "").rstrip("/") == response.url.path.rstrip("/")
    return found


@pytest.mark.parametrize("path", ["/generate", "/generate/", "/generate/hermes", "/generate/hermes/"])
async def test_hermes_answers_with_and_without_the_slash(http: httpx.AsyncClient, path: str) -> None:
    response = await http.post(path, json={"prompt": "What is 2+2?", "max_length": 8})
    assert response.status_code == 200
    assert set(response.json()) == {"generated_text"}
    assert response.json()["generated_text"]


async def test_phi3_answers_with_the_proposal_itself(http: httpx.AsyncClient) -> None:
    for path, body in (("/generate/", {"model_id": "phi3"}), ("/generate/phi3/", {})):
        response = await http.post(path, json={"prompt": "SPY rose 1 %.", "max_length": 128, **body})
        assert response.status_code == 200
        Proposal.model_validate_json(response.content)


async def test_tokens_stream_as_server_sent_events(http: httpx.AsyncClient) -> None:
    body = {"prompt": "What is a stop order?", "max_length": 24, "stream": True, "seed": 1}
    async with http.stream("POST", "/generate/", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        times, lines = [], []
        async for line in response.aiter_lines():
            times.append(time.monotonic())
            lines.append(line)
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert names == ["chunk"] * (len(names) - 1) + ["result"]
    assert len(names) > 5
    assert "".join(each["text"] for each in data[:-1]) == data[-1]["text"]
    assert times[-1] - times[0] > 0.02  # they came while the model wrote


async def test_a_proposal_is_made_critiqued_published_and_recorded(
    http: httpx.AsyncClient, desk: tuple[str, Path]
) -> None:
    response = await http.post("/propose_trade_adjustments/", json={"prompt": "SPY rose 1 %; we are flat."})
    assert response.status_code == 200, response.text
    trade = ProposedTrade.model_validate_json(response.content)
    assert trade.hermes_assessment
    redis = connect(desk[0])
    created = [
        ProposalCreated.model_validate_json(parse(fields).data)
        for _, fields in await redis.xrange(streams.PROPOSAL_CREATED)
    ]
    assessed = [
        ProposalAssessed.model_validate_json(parse(fields).data)
        for _, fields in await redis.xrange(streams.PROPOSAL_ASSESSED)
    ]
    await redis.aclose()
    assert trade.transaction_id in {each.transaction_id for each in created}
    mine = next(each for each in assessed if each.transaction_id == trade.transaction_id)
    assert (mine.proposal, mine.assessment, mine.origin) == (trade.phi3_proposal, trade.hermes_assessment, "gateway")
    assert mine.transaction_id.version == 7

    log = desk[1] / "data" / "phi3_feedback_log.jsonl"

    async def recorded() -> bool:
        return log.exists() and str(trade.transaction_id) in log.read_text()

    await until(recorded)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (line,) = [each for each in lines if each["transaction_id"] == str(trade.transaction_id)]
    assert line["phi3_proposal"] == trade.phi3_proposal.model_dump(mode="json")
    assert line["hermes_assessment"] == trade.hermes_assessment


async def proposed(http: httpx.AsyncClient) -> str:
    response = await http.post("/propose_trade_adjustments/", json={"prompt": "SPY is flat.", "max_length": 16})
    return str(response.json()["transaction_id"])


async def test_feedback_is_stored_once_at_server_time(http: httpx.AsyncClient, desk: tuple[str, Path]) -> None:
    transaction = await proposed(http)
    body = {
        "transaction_id": transaction,
        "feedback_type": "correction",
        "feedback_content": {"why": ["too bold", 3, None]},
        "corrected_proposal": PROPOSAL,
        "schema_version": "1.0",
    }
    for _ in range(3):  # the client did not hear us the first time
        response = await http.post("/feedback/phi3/", json=body)
        assert response.status_code == 200
        assert response.json()["transaction_id"] == transaction
    other = {"transaction_id": transaction, "feedback_type": "rating", "feedback_content": "up"}
    assert (await http.post("/feedback/phi3", json=other)).status_code == 200
    log = desk[1] / "data" / "phi3_feedback_data.jsonl"

    async def recorded() -> Any:
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        mine = [each for each in lines if each["transaction_id"] == transaction]
        return mine if len(mine) >= 2 else None

    mine = await until(recorded)
    await asyncio.sleep(0.5)
    assert len(await recorded()) == 2
    correction = next(each for each in mine if each["feedback_type"] == "correction")
    assert correction["feedback_content"] == {"why": ["too bold", 3, None]}
    assert abs(time.time() - _unix(correction["received_at"])) < 60
    assert correction["prompt"] == "SPY is flat."  # whoever learns from it need ask nobody
    assert correction["original_proposal"]["ticker"]
    assert correction["schema_version"] == "1.1"


def _unix(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


async def test_feedback_on_nothing_is_404(http: httpx.AsyncClient) -> None:
    body = {"transaction_id": str(uuid4()), "feedback_type": "rating", "feedback_content": 1}
    found = problem(await http.post("/feedback/phi3/", json=body))
    assert (found.status, found.code) == (404, "unknown_transaction")


@pytest.mark.parametrize("content", [2, -1.5, True, None, "splendid", {"stars": 5}])
async def test_a_rating_that_rates_nothing_is_422_and_says_what_would(http: httpx.AsyncClient, content: Any) -> None:
    body = {"transaction_id": str(UUID(int=0)), "feedback_type": "rating", "feedback_content": content}
    found = problem(await http.post("/feedback/phi3/", json=body))
    assert found.status == 422
    assert 'a number from -1 to 1, or "up" or "down"' in found.errors[0].message


NOT_CORRECTED = [None, {}, {"ticker": "SPY"}, {**PROPOSAL, "confidence": 2}, {**PROPOSAL, "x": 1}]


@pytest.mark.parametrize("corrected", NOT_CORRECTED)
async def test_a_correction_without_a_valid_proposal_is_422(http: httpx.AsyncClient, corrected: Any) -> None:
    body: dict[str, Any] = {"transaction_id": str(UUID(int=0)), "feedback_type": "correction", "feedback_content": "x"}
    if corrected is not None:
        body["corrected_proposal"] = corrected
    response = await http.post("/feedback/phi3/", json=body)
    assert problem(response).status == 422


BAD = {
    "unknown model": ({"prompt": "x", "model_id": "gpt"}, 422, "model_id"),
    "empty prompt": ({"prompt": ""}, 422, "prompt"),
    "blank prompt": ({"prompt": " \n"}, 422, "prompt"),
    "no prompt": ({}, 422, "prompt"),
    "unknown field": ({"prompt": "x", "shout": 1}, 422, "shout"),
    "too many tokens": ({"prompt": "x", "max_length": 10**9}, 422, "max_length"),
    "a list": ([1], 422, "body"),
    "a prompt longer than the context": ({"prompt": "word " * 15_000}, 422, "at most 2047 tokens"),
    "no JSON": (b'{"prompt"', 400, "JSON"),
    "NaN": (b'{"prompt":"x","temperature":NaN}', 400, "JSON"),
    "no UTF-8": (b'{"prompt":"\xff"}', 400, "UTF-8"),
    "too long a body": (b" " * 2_000_000, 413, "too"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_bad_input_is_a_problem_that_names_what_is_wrong(http: httpx.AsyncClient, kind: str) -> None:
    body, status, told = BAD[kind]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = problem(await http.post("/generate/", content=content, headers={"content-type": "application/json"}))
    assert found.status == status
    assert told.lower() in f"{found.title} {found.detail} {[each.field for each in found.errors]}".lower()


async def test_other_kinds_of_problem(http: httpx.AsyncClient) -> None:
    assert problem(await http.get("/nothing/here")).status == 404
    assert problem(await http.get("/generate/")).status == 405
    text = await http.post("/generate/", content=b'{"prompt":"x"}', headers={"content-type": "text/plain"})
    assert problem(text).status == 415


async def test_health_tells_what_is_loaded(http: httpx.AsyncClient) -> None:
    await proposed(http)

    async def scored() -> Any:
        return (await http.get("/health")).json()

    health = await until(scored)
    assert health["status"] == "ok"
    assert health["phi3_loaded"] and health["hermes_loaded"] and health["phi3_model_file_exists"]
    assert health["phi3_model_version"].startswith("smollm2")
    assert health["device"] == "cpu"
    count, mean = health["num_hermes_scores_last_24h"], health["mean_hermes_score_last_24h"]
    assert (mean is None) == (count == 0)
    assert (await http.get("/health/")).json() == health


async def test_without_models_the_door_says_so(redis_url: str) -> None:
    async with door(redis_url) as http:
        health = (await http.get("/health")).json()
        assert (health["status"], health["phi3_model_version"], health["device"]) == ("error", None, "unknown")
        response = await http.post("/generate/", json={"prompt": "x"})
        assert problem(response).status == 503
        assert int(response.headers["retry-after"]) > 0
        assert (await http.get("/readyz")).status_code == 200


async def test_a_full_queue_is_429_and_says_when_to_come_again(desk: tuple[str, Path]) -> None:
    async with door(desk[0], queue_limit=2) as http:
        body = {"prompt": "Tell me a story.", "max_length": 60}
        responses = await asyncio.gather(*(http.post("/generate/", json=body) for _ in range(6)))
        assert sorted(each.status_code for each in responses) == [200, 200, 429, 429, 429, 429]
        full = next(each for each in responses if each.status_code == 429)
        assert problem(full).code == "queue_full"
        assert int(full.headers["retry-after"]) > 0


async def test_an_answer_that_takes_too_long_is_504_and_frees_its_slot(desk: tuple[str, Path]) -> None:
    async with door(desk[0], timeout_seconds=1) as http:
        body = {"prompt": "Tell me a very long story.", "max_length": 1500, "temperature": 0}
        assert problem(await http.post("/generate/", json=body)).status == 504
        await idle(desk[0])


async def test_a_client_that_hangs_up_frees_its_slot(http: httpx.AsyncClient, desk: tuple[str, Path]) -> None:
    body = {"prompt": "Tell me a very long story.", "max_length": 1800, "temperature": 0}
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/generate/", json=body, timeout=0.7)
    await idle(desk[0])
    async with http.stream("POST", "/generate/", json={**body, "stream": True}) as response:
        async for _ in response.aiter_lines():
            break
    await idle(desk[0])


async def idle(redis_url: str) -> None:
    """Wait until hermes has nothing left to do; a story of 1500 tokens would take it half a minute."""
    redis = connect(redis_url)

    async def nothing_left() -> bool:
        queues = await waiting(redis, streams.lanes(streams.HERMES_REQUESTS), "hermes")
        return not any(each.backlog for each in queues.values())

    await until(nothing_left, timeout=6, what="hermes to be idle")
    await redis.aclose()


async def test_the_docs_need_no_internet(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.split("<body>")[0].replace("<!DOCTYPE", "")
    assert (await http.get("/docs/assets/swagger-ui-bundle.js")).status_code == 200
    paths = (await http.get("/docs/openapi.json")).json()["paths"]
    others = ("/v1/", "/desk/", "/stream/", "/speak")
    assert {path for path in paths if not path.startswith(others)} == {f"/{path}" for path in ENDPOINTS}
    assert {"/desk/stop", "/desk/allow", "/desk/pause", "/desk/resume", "/stream/desk", "/stream/audio"} <= set(paths)
    assert "/v1/chat/completions" in paths
    assert "422" in paths["/generate"]["post"]["responses"]
