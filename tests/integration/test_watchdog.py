"""A service that grows is restarted, by a real watchdog and a real supervisor, and loses nothing."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import Process, until
from tests.support.serving import STREAM, echo, replies, serving

from osiris_cli.supervisor import Backoff, Service, Supervisor
from osiris_contracts import Control, WatchdogBrake, WatchdogEvent, streams
from osiris_mesh import Bus
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse
from osiris_mesh.presence import alive

REPOSITORY = Path(__file__).parent.parent.parent


async def events(redis: Any) -> list[WatchdogEvent]:
    """What the watchdog did."""
    return [
        WatchdogEvent.model_validate_json(parse(fields).data)
        for _, fields in await redis.xrange(streams.WATCHDOG_EVENTS)
    ]


def watchdog(redis_url: str, home: Path, *arguments: str) -> Process:
    """One that reads five times a second."""
    return Process("watchdog", redis_url, home, "--meter", "memory", "--interval-seconds", "0.2", *arguments)


async def test_a_service_that_grows_is_drained_restarted_and_loses_nothing(redis_url: str, tmp_path: Path) -> None:
    environment = os.environ | {
        "OSIRIS_REDIS_URL": redis_url,
        "OSIRIS_HOME": str(tmp_path),
        "OSIRIS_LEASE_SECONDS": "60",  # what it does not hand back would not come again
        "GROW_MIB": "20",
        "PYTHONPATH": str(REPOSITORY),
    }
    growing = Service("hermes", (sys.executable, "-m", "tests.support.growing_worker"), environment)
    redis = connect(redis_url)
    asked = 40
    async with Supervisor([growing], logs=tmp_path, backoff=Backoff(first=0.05)) as supervisor:

        async def present() -> Any:
            return await alive(redis, "hermes")

        (first,) = await until(present, what="hermes")
        assert first.memory_mib and first.pid == supervisor.statuses["hermes"].pid
        limit = str(round(first.memory_mib + 300))
        for number in range(asked):
            await redis.xadd(STREAM, {"data": json.dumps({"prompt": f"n{number}"}), "replyto": "my.replies"})
        with watchdog(redis_url, tmp_path, "--memory-limit-mib", limit):
            answers = await replies(redis, "my.replies", asked)

            async def told() -> bool:
                return any(each.event == "restart_asked" for each in await events(redis))

            await until(told, what="the act to be told")
        assert supervisor.statuses["hermes"].restarts == 1
        assert supervisor.statuses["hermes"].failures == 1
    assert Counter(each["text"] for each in answers) == Counter(f"n{number}" for number in range(asked))
    assert len({each["model_version"] for each in answers}) == 2, "both processes answered some"
    assert (await redis.xpending(STREAM, "hermes"))["pending"] == 0
    (act,) = [each for each in await events(redis) if each.event == "restart_asked"]
    assert (act.service, act.instance, act.restarts) == ("hermes", first.instance, 1)
    assert act.memory_mib is not None and act.memory_mib > act.limit_mib
    brake = WatchdogBrake.model_validate_json(await redis.hget(streams.WATCHDOG_BRAKES, "hermes"))
    assert len(brake.restarts) == 1 and not brake.open
    assert "told to restart" in supervisor.log_of("hermes").read_text()
    await redis.aclose()


async def test_after_its_own_restart_it_has_forgotten_nothing_and_a_person_lets_it_go_on(
    redis_url: str, tmp_path: Path
) -> None:
    redis = connect(redis_url)
    given_up = WatchdogBrake(restarts=(1.0, 2.0, 3.0), open=True)
    await redis.hset(streams.WATCHDOG_BRAKES, "hermes", given_up.model_dump_json())
    always = ("--memory-limit-mib", "1", "--reads", "1")
    restarted = asyncio.Event()
    async with serving(redis_url, echo) as hermes:

        async def note() -> None:
            restarted.set()

        hermes.on_command("restart", note)
        with watchdog(redis_url, tmp_path, *always) as dog:
            await dog.ready()
            await asyncio.sleep(1)
            assert "restart_asked" not in {each.event for each in await events(redis)}
            async with Bus(redis_url, "test") as bus:
                await bus.publish(streams.control("watchdog"), Control(command="resume"))
            async with asyncio.timeout(10):
                await restarted.wait()
    kinds = [each.event for each in await events(redis) if each.service == "hermes"]
    assert kinds[:2] == ["circuit_closed", "restart_asked"]
    await redis.aclose()


async def test_a_dry_run_tells_and_restarts_nothing(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    async with serving(redis_url, echo):
        arguments = ("--memory-limit-mib", "1", "--reads", "1", "--dry-run", "--max-iterations", "2")
        with watchdog(redis_url, tmp_path, *arguments) as dog:
            assert await asyncio.to_thread(dog.wait, 30) == 0
    (act,) = [each for each in await events(redis) if each.service == "hermes"]
    assert act.event == "restart_asked" and act.dry_run
    assert await redis.xlen(streams.control("hermes")) == 0
    assert not await redis.exists(streams.WATCHDOG_BRAKES)
    await redis.aclose()


async def test_once_reads_once_and_an_instance_that_fell_silent_is_told(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    async with serving(redis_url, echo) as hermes:
        await redis.delete(f"presence:hermes:{hermes.bus.instance}")
        with Process("watchdog", redis_url, tmp_path, "--once", OSIRIS_LOG_LEVEL="info") as dog:
            assert await asyncio.to_thread(dog.wait, 30) == 0
            read = [json.loads(line) for line in dog.log().splitlines() if '"read"' in line]
    assert len(read) == 1
    failed = [each for each in await events(redis) if each.event == "read_failed"]
    assert [each.instance for each in failed] in ([hermes.bus.instance], [])  # it may have spoken again meanwhile
    await redis.aclose()


@pytest.mark.parametrize("wrong", [["--reads", "0"], ["--memory-limit-mib", "nan"], ["--meter", "rain"]])
def test_wrong_arguments_are_refused_in_one_line(wrong: list[str]) -> None:
    command = [sys.executable, "-m", "osiris_watchdog", *wrong]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and wrong[0] in done.stderr
