"""What keeps a browser from being turned against the desk."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.gateways import ASK, BOOTSTRAP, bearer, door, echoing_hermes, problem

from osiris_contracts import GenerateResult

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


async def test_pages_of_other_origins_may_call_only_when_listed(redis_url: str) -> None:
    ours, theirs = {"origin": "https://desk.example"}, {"origin": "https://evil.example"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type, x-api-key"}
    async with door(redis_url) as http:
        for origin in (ours, theirs):
            for response in (
                await http.get("/health", headers=origin),
                await http.options("/generate", headers=origin | asked),
            ):
                assert not [name for name in response.headers if name.startswith("access-control")]
    async with door(redis_url, cors_origins="https://desk.example", api_key=BOOTSTRAP) as http:
        allowed = await http.options("/generate", headers=ours | asked)
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == "https://desk.example"
        assert "x-api-key" in allowed.headers["access-control-allow-headers"].lower()
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await http.get("/v1/models", headers=ours)  # the page must be able to read why
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://desk.example"
        assert "Retry-After" in refused.headers["access-control-expose-headers"]
        for response in (
            await http.get("/health", headers=theirs),
            await http.options("/generate", headers=theirs | asked),
        ):
            assert "access-control-allow-origin" not in response.headers


async def test_without_keys_a_page_cannot_call_by_a_name_of_its_own(redis_url: str) -> None:
    async with door(redis_url) as http:
        refused = await http.post("/generate", json=ASK, headers={"host": "rebound.example"})
        assert "osiris keys add" in problem(refused, 403, "strange_host").detail
        assert (await http.get("/v1/models", headers={"host": "localhost:1"})).status_code == 200
    async with door(redis_url, api_key=BOOTSTRAP) as http:  # behind a proxy, say
        named = {"host": "desk.example", **bearer(BOOTSTRAP)}
        assert (await http.get("/v1/models", headers=named)).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/health", "/nothing/here", "/v1/models", "/healthz", "/docs/openapi.json"])
async def test_every_answer_has_the_headers_that_browsers_obey(redis_url: str, path: str) -> None:
    async with door(redis_url) as http:
        response = await http.get(path)
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-frame-options"] == "DENY"
    if path != "/healthz":  # text of the mesh, which is no page
        policy = response.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'self'" in policy
        assert "script-src" not in policy  # no script but our own files


async def test_the_page_of_the_docs_has_no_script_in_it(redis_url: str) -> None:
    async with door(redis_url) as http:
        page = (await http.get("/docs")).text
        assert page.count("<script") == page.count('<script src="/docs/') == 2
        assert "/docs/openapi.json" in (await http.get("/docs/start.js")).text


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
async def test_a_browser_draws_the_page_of_the_docs_under_that_policy(redis_url: str, tmp_path: Path) -> None:
    async with door(redis_url) as http:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path}",
            "--enable-logging=stderr",
        ]
        browser = await asyncio.create_subprocess_exec(
            str(CHROMIUM),
            *options,
            "--virtual-time-budget=5000",
            "--dump-dom",
            f"{http.base_url}/docs",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        page, said = await asyncio.wait_for(browser.communicate(), 60)
    assert b"/propose_trade_adjustments" in page and b"authorize" in page
    assert b"Content Security Policy" not in said


async def test_a_result_is_what_it_was(redis_url: str) -> None:
    """The door adds headers and takes nothing away."""
    async with echoing_hermes(redis_url), door(redis_url) as http:
        response = await http.post("/generate", json=ASK)
        assert response.json() == {"generated_text": ASK["prompt"]}
        assert "server-timing" in response.headers
        streamed = await http.post("/generate", json=ASK | {"stream": True})
        last = [line for line in streamed.text.splitlines() if line.startswith("data: ")][-1]
        assert GenerateResult.model_validate_json(last.removeprefix("data: ")).text == ASK["prompt"]
