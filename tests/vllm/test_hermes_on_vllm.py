"""Hermes as people run it: the service in its own process, its engine vLLM, its weights GPTQ."""

import time
from pathlib import Path

import psutil
import pytest
from tests.support.processes import Process, until

from osiris_contracts import Chunk, Control, GenerateRequest, GenerateResult, streams
from osiris_mesh import Bus

pytestmark = pytest.mark.timeout(400)


def hermes(redis_url: str, home: Path, checkpoint: Path) -> Process:
    settings = {"ENGINE": "vllm", "MODEL": str(checkpoint), "CONTEXT": "512", "SLOTS": "4"}
    return Process("hermes", redis_url, home, **{f"OSIRIS_HERMES_{name}": value for name, value in settings.items()})


def engines_of(process: Process) -> list[psutil.Process]:
    """vLLM's own processes below the service."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "VLLM" in _name(child)]


def _name(process: psutil.Process) -> str:
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else process.name()
    except psutil.NoSuchProcess:
        return ""


async def test_hermes_answers_sleeps_wakes_and_hands_its_work_back_when_vllm_dies(
    redis_url: str, tmp_path: Path, checkpoint: Path
) -> None:
    asked = GenerateRequest(prompt="What is the capital city of France?", max_length=24, stream=True, temperature=0)
    long = GenerateRequest(prompt="Tell me a very long story.", max_length=400, temperature=1.5, seed=1)
    with hermes(redis_url, tmp_path, checkpoint) as first:
        await first.ready(timeout=200)
        async with Bus(redis_url, "test") as bus:
            replies = [reply async for reply in bus.replies_to(streams.HERMES_REQUESTS, asked, timeout=60)]
            assert isinstance(replies[0], Chunk) and replies[0].usage is not None
            assert isinstance(replies[-1], GenerateResult)
            assert "Paris" in replies[-1].text == "".join(each.text for each in replies[:-1])
            assert replies[-1].model_version == checkpoint.name

            assert engines_of(first)
            await bus.publish(streams.control("hermes"), Control(command="sleep"))
            await until(lambda: no_engine(first), timeout=30, what="vLLM to give its memory back")
            await bus.publish(streams.control("hermes"), Control(command="wake"))
            assert "Paris" in (await bus.ask(streams.HERMES_REQUESTS, asked, timeout=200)).text

            story = bus.replies_to(streams.HERMES_REQUESTS, long.model_copy(update={"stream": True}), timeout=300)
            await anext(story)
            began = time.monotonic()
            next(each for each in engines_of(first) if "EngineCore" in _name(each)).kill()
            assert first.wait(60) != 0
            assert time.monotonic() - began < 45
            first.start()  # as its supervisor would
            rest = [reply async for reply in story]
            assert isinstance(rest[-1], GenerateResult)

            orphans = engines_of(first)
            first.kill()
            await until(lambda: none_of(orphans), timeout=20, what="vLLM to end with the service that was killed")


async def none_of(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


async def no_engine(process: Process) -> bool:
    return not engines_of(process)
