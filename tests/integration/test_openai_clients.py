"""The /v1 endpoints, as other people's clients use them: their programs run in an environment of their own."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import REPOSITORY
from tests.support.desk import services

from osiris_cli.network import free_port

pytestmark = [pytest.mark.slow]

PYTHON = REPOSITORY / ".venv-clients/bin/python"


@pytest.fixture
async def base_url(redis_url: str, tmp_path: Path, models_root: Path) -> AsyncIterator[str]:
    port = str(free_port("127.0.0.1"))
    names = ("hermes", "phi3", "tts", "gateway")
    async with services(redis_url, tmp_path, models_root, *names, OSIRIS_GATEWAY_PORT=port):
        yield f"http://127.0.0.1:{port}/v1"


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=110)


@pytest.mark.parametrize("client", ["openai", "litellm"])
async def test_the_client_works(base_url: str, client: str) -> None:
    assert PYTHON.exists(), "expected the clients' environment: run the tests with make test"
    program = REPOSITORY / "tests" / "clients" / f"{client}_client.py"
    environment = os.environ | {"OPENAI_BASE_URL": base_url}
    done = await asyncio.to_thread(_run, [str(PYTHON), str(program)], environment)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


async def test_curl_reads_the_events_as_they_come(base_url: str) -> None:
    ask = '{"model": "hermes", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 6, "stream": true}'
    command = ["curl", "-sN", f"{base_url}/chat/completions", "-H", "content-type: application/json", "-d", ask]
    done = await asyncio.to_thread(_run, command)
    events = done.stdout.strip().split("\n\n")
    assert len(events) > 4 and all(event.startswith("data: ") for event in events)
    assert events[-1] == "data: [DONE]"


async def test_ten_answers_to_one_call_stop_when_the_caller_goes(base_url: str) -> None:
    ask = {"model": "hermes", "messages": [{"role": "user", "content": "Tell me a story"}], "max_tokens": 1500, "n": 8}
    async with httpx.AsyncClient(timeout=60) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"{base_url}/chat/completions", json=ask, timeout=2)
        short = {"model": "hermes", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        answer = await http.post(f"{base_url}/chat/completions", json=short)
        queued = float(answer.headers["server-timing"].split("queue;dur=")[1].split(",")[0])
        assert queued < 1000, "the slots were not freed"
