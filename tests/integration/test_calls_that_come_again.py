"""Idempotency-Key and Last-Event-ID: a call is made once, whatever happens to the connection or to the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.support.hermes import Hermes
from tests.support.processes import until

from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings

ASK = {"prompt": "Count.", "max_length": 8}
KEY = {"Idempotency-Key": "order 66"}


@asynccontextmanager
async def door(redis_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    service = build(GatewaySettings(redis_url=redis_url, probe_port=0, drain_seconds=0.2, **settings))
    async with (
        service.running(probes=True),
        httpx.AsyncClient(base_url=service.presence().probe_url or "", timeout=30) as http,
    ):
        yield http


async def test_the_same_key_is_asked_once_and_answered_the_same(redis_url: str) -> None:
    hermes = Hermes(pause=0.05)
    async with hermes.serving(redis_url), door(redis_url) as http:
        answers = await asyncio.gather(*(http.post("/generate/", json=ASK, headers=KEY) for _ in range(5)))
    assert [each.status_code for each in answers] == [200] * 5
    assert len({each.text for each in answers}) == 1
    assert len(hermes.begun) == 1


async def test_another_gateway_answers_the_same(redis_url: str) -> None:
    hermes = Hermes()
    async with hermes.serving(redis_url):
        chat = {"model": "hermes", "messages": [{"role": "user", "content": "Count."}], "n": 2}
        answers = []
        for _ in range(2):
            async with door(redis_url) as http:
                answers.append((await http.post("/v1/chat/completions", json=chat, headers=KEY)).json())
    assert answers[0] == answers[1]
    assert len(hermes.begun) == 2  # n


async def test_an_answer_that_was_begun_is_given_even_when_the_model_is_gone(redis_url: str) -> None:
    async with door(redis_url) as http:
        async with Hermes().serving(redis_url):
            first = await http.post("/generate/", json=ASK, headers=KEY)

        async def refused() -> bool:
            hurried = {"X-Osiris-Deadline-Ms": "300"}
            return (await http.post("/generate/", json=ASK, headers=hurried)).status_code == 503

        await until(refused, what="the gateway to see that hermes is gone")
        again = await http.post("/generate/", json=ASK, headers=KEY)
    assert (again.status_code, again.text) == (200, first.text)


async def test_a_key_with_another_body_is_refused(redis_url: str) -> None:
    async with Hermes().serving(redis_url), door(redis_url) as http:
        await http.post("/generate/", json=ASK, headers=KEY)
        response = await http.post("/generate/", json={**ASK, "prompt": "Other."}, headers=KEY)
        assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reused")
        elsewhere = await http.post("/generate/hermes/", json={**ASK, "prompt": "Other."}, headers=KEY)
        assert elsewhere.status_code == 200


async def test_a_failure_that_may_pass_is_not_remembered(redis_url: str) -> None:
    hermes = Hermes()
    async with door(redis_url) as http:
        assert (await http.post("/generate/", json=ASK, headers=KEY)).status_code == 503
        async with hermes.serving(redis_url):
            assert (await http.post("/generate/", json=ASK, headers=KEY)).status_code == 200


STREAMS = {
    "/generate/": {**ASK, "stream": True},
    "/v1/chat/completions": {"model": "hermes", "messages": [{"role": "user", "content": "Count."}], "stream": True},
    "/v1/completions": {"model": "hermes", "prompt": "Count.", "stream": True, "n": 3},
}


@pytest.mark.parametrize("path", STREAMS)
async def test_a_broken_stream_goes_on_at_another_gateway(redis_url: str, path: str) -> None:
    hermes = Hermes(words=12, pause=0.02)
    async with hermes.serving(redis_url, workers=8):
        async with door(redis_url) as http:
            before = [event async for event in events(http, path, KEY, most=4)]
        assert len(before) == 4
        async with door(redis_url) as http:
            resumed = KEY | {"Last-Event-ID": before[-1]["id"]}
            after = [event async for event in events(http, path, resumed)]
            whole = [event async for event in events(http, path, KEY)]
    assert hermes.cancelled == []  # the client said it would come back
    assert len(hermes.begun) == STREAMS[path].get("n", 1)
    assert by_answer(before + after) == by_answer(whole)


def by_answer(found: list[dict[str, str]]) -> dict[int, list[str]]:
    """The data of the events, in order, of each answer of the call."""
    answers: dict[int, list[str]] = {}
    for event in found:
        if event["data"] != "[DONE]":
            choices = json.loads(event["data"]).get("choices")
            answers.setdefault(choices[0]["index"] if choices else 0, []).append(event["data"])
    return answers


async def events(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], most: int = 1_000
) -> AsyncIterator[dict[str, str]]:
    """The server-sent events of one call, at most so many; then it hangs up."""
    async with http.stream("POST", path, json=STREAMS[path], headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        event: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                yield event
                event = {}
                most -= 1
                if not most:
                    return


async def test_a_stream_without_a_key_ends_with_its_reader(redis_url: str) -> None:
    hermes = Hermes(words=100, pause=0.05)
    async with hermes.serving(redis_url), door(redis_url) as http:
        assert len([event async for event in events(http, "/generate/", {}, most=2)]) == 2
        await until(lambda: asyncio.sleep(0, hermes.cancelled), timeout=3, what="the work to be cancelled")


async def test_the_rest_without_a_key_is_refused(redis_url: str) -> None:
    async with Hermes().serving(redis_url), door(redis_url) as http:
        response = await http.post("/generate/", json=ASK, headers={"Last-Event-ID": "3"})
        assert (response.status_code, response.json()["code"]) == (409, "resume_without_key")


async def test_a_deadline_of_the_client_goes_with_the_message(redis_url: str) -> None:
    hermes = Hermes(words=100, pause=0.05)
    async with hermes.serving(redis_url), door(redis_url) as http:
        response = await http.post("/generate/", json=ASK, headers={"X-Osiris-Deadline-Ms": "300"})
        assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
        await until(lambda: asyncio.sleep(0, hermes.cancelled), timeout=3, what="the work to stop")


async def test_expired_work_never_begins(redis_url: str) -> None:
    hermes = Hermes()
    async with door(redis_url) as http, hermes.serving(redis_url) as service:
        await http.post("/generate/", json=ASK)  # the gateway has seen it
        await service.drain()
        asked = http.post("/generate/", json={**ASK, "prompt": "late"}, headers={"X-Osiris-Deadline-Ms": "200"})
        assert (await asked).status_code in (503, 504)
        await service.resume()
        assert (await http.post("/generate/", json={**ASK, "prompt": "next"})).status_code in (200, 503)
    assert "late" not in hermes.begun


@pytest.mark.parametrize(
    "headers", [{"X-Osiris-Deadline-Ms": "soon"}, {"X-Osiris-Deadline-Ms": "0"}, {"X-Osiris-Priority": "mine"}]
)
async def test_a_bad_header_is_named(redis_url: str, headers: dict[str, str]) -> None:
    async with Hermes().serving(redis_url), door(redis_url) as http:
        response = await http.post("/generate/", json=ASK, headers=headers)
        assert response.status_code == 422
        assert next(iter(headers)).lower() in response.text.lower()
