"""Which keys open the door, and what they may do: a real gateway on a real Redis."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.gateways import ASK, BOOTSTRAP, CHAT, added, bearer, door, echoing_hermes, problem, until_status

from osiris_cli.__main__ import main
from osiris_contracts import api_key_digest, streams
from osiris_contracts.openai import OpenAIError
from osiris_mesh.connection import connect

FEEDBACK = {"transaction_id": "0190c6e2-7c1a-7b6e-8f00-000000000001", "feedback_type": "rating", "feedback_content": 1}


async def test_on_loopback_nothing_is_asked_while_there_is_no_key(redis_url: str) -> None:
    async with echoing_hermes(redis_url), door(redis_url) as http:
        assert (await http.post("/generate", json=ASK)).status_code == 200
        # clients of the OpenAI API always send some key
        assert (await http.post("/v1/chat/completions", json=CHAT, headers=bearer("whatever"))).status_code == 200


async def test_either_header_opens_the_door_and_nothing_else_does(redis_url: str) -> None:
    async with echoing_hermes(redis_url), door(redis_url, api_key=BOOTSTRAP) as http:
        for good in (bearer(BOOTSTRAP), {"authorization": f"bearer {BOOTSTRAP}"}, {"x-api-key": BOOTSTRAP}):
            assert (await http.post("/generate", json=ASK, headers=good)).status_code == 200
        for missing in ({}, {"authorization": BOOTSTRAP}, {"authorization": f"Basic {BOOTSTRAP}"}):
            response = await http.post("/generate", json=ASK, headers=missing)
            assert "none came" in problem(response, 401, "unauthorized").detail
            assert response.headers["www-authenticate"] == "Bearer"
        for wrong in (bearer("wrong"), {"x-api-key": BOOTSTRAP[:-1]}, bearer(BOOTSTRAP + "x")):
            response = await http.post("/generate", json=ASK, headers=wrong)
            assert "unknown" in problem(response, 401, "unauthorized").detail
            assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_under_v1_errors_are_those_of_the_openai_api(redis_url: str) -> None:
    secret = await added(redis_url, scopes=("feedback",))
    limited = await added(redis_url, "limited", requests_per_minute=1)
    async with door(redis_url) as http:
        for path in ("/v1/models", "/v1/models/hermes"):
            response = await http.get(path)
            assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"
            assert OpenAIError.model_validate_json(response.content).error.code == "invalid_api_key"
        response = await http.post("/v1/chat/completions", json=CHAT, headers=bearer(secret))
        assert response.status_code == 403
        assert "generate" in OpenAIError.model_validate_json(response.content).error.message
        assert (await http.get("/v1/models", headers=bearer(limited))).status_code == 200
        response = await http.get("/v1/models", headers=bearer(limited))
        assert response.status_code == 429
        error = OpenAIError.model_validate_json(response.content).error
        assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error")


async def test_a_key_does_what_its_scopes_say(redis_url: str) -> None:
    secrets = {
        scope: bearer(await added(redis_url, scope, scopes=(scope,))) for scope in ("generate", "feedback", "admin")
    }
    async with echoing_hermes(redis_url), door(redis_url) as http:
        for scope, allowed in (("generate", {"ask"}), ("feedback", {"judge"}), ("admin", {"ask", "judge"})):
            asked = await http.post("/generate", json=ASK, headers=secrets[scope])
            judged = await http.post("/feedback/phi3", json=FEEDBACK, headers=secrets[scope])
            assert asked.status_code == (200 if "ask" in allowed else 403)
            assert judged.status_code == (404 if "judge" in allowed else 403)  # nobody made that proposal
        refused = await http.post("/feedback/phi3", json=FEEDBACK, headers=secrets["generate"])
        assert "scope feedback" in problem(refused, 403, "insufficient_scope").detail
        assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="feedback"'


async def test_probes_health_and_docs_need_no_key(redis_url: str) -> None:
    async with door(redis_url, api_key=BOOTSTRAP) as http:
        for path in ("/healthz", "/readyz", "/metrics", "/health", "/docs", "/docs/openapi.json", "/docs/start.js"):
            assert (await http.get(path)).status_code == 200, path
        assert (await http.get("/docs/assets/swagger-ui.css")).status_code == 200
        assert (await http.get("/v1/models")).status_code == 401


async def test_every_other_route_asks_for_a_key(redis_url: str) -> None:
    """Whoever adds a route says who may use it; one that says nothing is closed."""
    async with door(redis_url, api_key=BOOTSTRAP) as http:
        document = (await http.get("/docs/openapi.json")).json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                response = await http.request(method, path.replace("{model}", "hermes"), content=b"{}")
                assert (response.status_code == 401) == ("security" in operation), path
                if "security" in operation:
                    assert {"401", "403", "429"} <= set(operation["responses"]), path
                    assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
        assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}


async def test_the_document_says_whether_a_key_is_needed_now(redis_url: str) -> None:
    async with door(redis_url) as http:
        document = (await http.get("/docs/openapi.json")).json()
        assert document["paths"]["/generate"]["post"]["security"][0] == {}
        await added(redis_url)
        await until_status(http, 401, {})
        document = (await http.get("/docs/openapi.json")).json()
        assert {} not in document["paths"]["/generate"]["post"]["security"]


async def test_a_key_ends_by_itself(redis_url: str) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=1.5)
    short = bearer(await added(redis_url, "short", expires_at=ends))
    async with door(redis_url) as http:
        assert (await http.get("/v1/models", headers=short)).status_code == 200
        await until_status(http, 401, short)
        assert datetime.now(UTC) >= ends


async def test_a_record_that_cannot_be_read_lets_nobody_in(redis_url: str) -> None:
    redis = connect(redis_url)
    secret = await added(redis_url)
    await redis.hset("gateway:keys", "broken", '{"name": "broken"}')
    await redis.aclose()
    async with door(redis_url) as http:
        assert (await http.get("/v1/models", headers=bearer(secret))).status_code == 200
        assert (await http.get("/v1/models")).status_code == 401


async def test_a_repeated_call_is_the_same_under_either_header_and_another_under_another_key(redis_url: str) -> None:
    mine, other = await added(redis_url, "mine"), await added(redis_url, "other")
    async with echoing_hermes(redis_url), door(redis_url) as http:
        for headers in (bearer(mine), {"x-api-key": mine}):
            response = await http.post("/generate", json=ASK, headers={**headers, "idempotency-key": "one"})
            assert response.status_code == 200
        redis = connect(redis_url)
        assert await redis.xlen(f"{streams.HERMES_REQUESTS}:interactive") == 1
        different = {**ASK, "prompt": "Something else?"}
        clash = await http.post("/generate", json=different, headers={"x-api-key": mine, "idempotency-key": "one"})
        assert clash.status_code == 409
        stranger = await http.post("/generate", json=different, headers={**bearer(other), "idempotency-key": "one"})
        assert stranger.json() == {"generated_text": "Something else?"}
        await redis.aclose()


# --- the command


async def test_the_command_adds_lists_and_revokes(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", redis_url)

    async def osiris(*typed: str, code: int = 0) -> tuple[str, str]:
        assert await asyncio.to_thread(main, ["keys", *typed]) == code
        return tuple(capsys.readouterr())  # type: ignore[return-value]

    async with echoing_hermes(redis_url), door(redis_url) as http:
        assert "no keys; make one" in (await osiris("list"))[0]
        assert "no key notebook" in (await osiris("revoke", "notebook", code=2))[1]
        assert (await http.get("/v1/models")).status_code == 200  # a slip of the finger locks nobody out
        out, said = await osiris("add", "notebook", "--expires", "90d", "--requests-per-minute", "100")
        secret = out.strip()
        assert out == f"{secret}\n" and "notebook may generate" in said
        await until_status(http, 401, {})
        assert (await http.post("/generate", json=ASK, headers=bearer(secret))).status_code == 200
        assert "there is a key notebook already" in (await osiris("add", "notebook", code=2))[1]
        facts = json.loads((await osiris("add", "app", "--scope", "feedback", "--scope", "admin", "--json"))[0])
        assert facts["key"].startswith("osiris_")
        assert (facts["name"], facts["scopes"], facts["expires_at"]) == ("app", ["feedback", "admin"], None)
        table, _ = await osiris("list")
        assert "notebook" in table and "generate" in table and "never" in table and "100" in table
        listed = json.loads((await osiris("list", "--json"))[0])
        assert [(each["name"], each["requests_per_minute"]) for each in listed] == [("notebook", 100), ("app", None)]
        digest = api_key_digest(secret.encode())
        assert not any(hidden in table + json.dumps(listed) for hidden in (secret, facts["key"], digest))
        assert (await osiris("revoke", "notebook"))[0] == "revoked notebook\n"
        await until_status(http, 401, bearer(secret))
        assert "it was the last" in (await osiris("revoke", "app"))[1]
        assert "no keys are left" in (await osiris("list"))[0]
        await osiris("open", "--yes")
        await until_status(http, 200, {})


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (["add", "a b"], "expected a name of the form"),
        (["add", "x", "--expires", "yesterday"], "expected a time such as"),
        (["add", "x", "--expires", "2020-01-01"], "expected a time to come"),
        (["add", "x", "--expires", "999999w"], "expected a time to come"),
        (["add", "x", "--scope", "root"], "Invalid value for '--scope'"),
        (["add", "x", "--requests-per-minute", "0"], "Invalid value for '--requests-per-minute'"),
    ],
)
async def test_what_makes_no_sense_is_one_line(
    typed: list[str],
    complaint: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", redis_url)
    assert await asyncio.to_thread(main, ["keys", *typed]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"osiris: {complaint}") and said.count("\n") == 1
