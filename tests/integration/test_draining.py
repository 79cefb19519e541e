"""Leaving: what a stopping service only holds goes on elsewhere at once, and one that cannot heal does not pretend."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import until
from tests.support.serving import STREAM, echo, replies, serving

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = [pytest.mark.slow]

LONG = 4.0
LEASE = 60.0


class Slow:
    """A hermes in a process of its own, two workers wide, that thinks for `LONG` seconds."""

    def __init__(self, url: str, folder: Path, **environment: str) -> None:
        self.log = folder / "slow.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.slow_worker"],
                cwd=Path(__file__).parent.parent.parent,
                env={"OSIRIS_REDIS_URL": url, "SLOW_SECONDS": str(LONG), "OSIRIS_HOME": str(folder), **environment},
                stdout=log,
                stderr=log,
            )

    async def ready(self, redis: Any) -> None:
        async def there() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return any(each.ready for each in await alive(redis, "hermes"))

        await until(there, what="the slow worker")

    async def ended(self, timeout: float) -> int:
        return await asyncio.to_thread(self.process.wait, timeout)

    def __enter__(self) -> "Slow":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


async def test_what_a_stopping_worker_has_not_begun_goes_on_at_once(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    with Slow(redis_url, tmp_path, OSIRIS_LEASE_SECONDS=str(LEASE), OSIRIS_DRAIN_SECONDS="20") as slow:
        await slow.ready(redis)
        for number in range(6):
            await redis.xadd(STREAM, {"data": json.dumps({"prompt": f"n{number}"}), "replyto": "my.replies"})

        async def prefetched() -> bool:
            return bool((await redis.xpending(STREAM, "hermes"))["pending"] >= 3)

        await until(prefetched, what="more to be read than is worked on")
        slow.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        async with serving(redis_url, echo, lease_seconds=LEASE):
            early = await replies(redis, "my.replies", 4)
            took = time.monotonic() - asked
            assert {each["model_version"] for each in early} == {"test"}  # not the two that the slow one is at
            assert slow.process.poll() is None, "it should still be at what it had begun"
            assert took < LONG - 0.5, f"{took:.1f} s, with a lease of {LEASE:g} s"
            answers = await replies(redis, "my.replies", 6)
            assert sorted(each["text"].lower() for each in answers) == [f"n{number}" for number in range(6)]
            assert await slow.ended(10) == 0
    await redis.aclose()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_without_redis_for_good_a_service_ends_and_says_so(how: str, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis", persistent=False) as server:
        redis = connect(server.url)
        patience = {"OSIRIS_REDIS_PATIENCE_SECONDS": "2", "OSIRIS_DRAIN_SECONDS": "1"}
        with Slow(server.url, tmp_path, **patience) as slow:
            await slow.ready(redis)
            await redis.aclose()
            if how == "killed":
                await asyncio.to_thread(server.stop)
            else:
                assert server.pid is not None
                os.kill(server.pid, signal.SIGSTOP)
            gone = time.monotonic()
            code = await slow.ended(60)
            took = time.monotonic() - gone
            if how == "frozen":
                os.kill(server.pid or 0, signal.SIGCONT)
            assert code == 1, slow.log.read_text()
            assert took < 20, f"{took:.1f} s"  # 2 of patience, 1 to drain, 5 to leave, and a slow machine
            assert "expected Redis to " in slow.log.read_text() or "could not leave" in slow.log.read_text()


async def test_a_stream_that_is_none_ends_the_service(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    with Slow(redis_url, tmp_path, OSIRIS_REDIS_PATIENCE_SECONDS="2", OSIRIS_DRAIN_SECONDS="1") as slow:
        await slow.ready(redis)
        await redis.set(STREAM, "somebody's string")
        assert await slow.ended(30) == 1
        assert "expected Redis to serve within 2 s, it did not: WRONGTYPE" in slow.log.read_text()
    await redis.aclose()


async def test_a_redis_that_comes_back_in_time_is_ridden_out(server: EmbeddedRedis, tmp_path: Path) -> None:
    redis = connect(server.url)
    with Slow(server.url, tmp_path, OSIRIS_REDIS_PATIENCE_SECONDS="20") as slow:
        await slow.ready(redis)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(3)
        await asyncio.to_thread(server.start)
        await redis.xadd(STREAM, {"data": '{"prompt":"still there"}', "replyto": "my.replies"})
        assert (await replies(redis, "my.replies", 1))[0]["text"] == "still there"
        slow.process.send_signal(signal.SIGTERM)
        assert await slow.ended(20) == 0
    await redis.aclose()
