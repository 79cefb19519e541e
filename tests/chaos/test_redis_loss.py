"""What docs/reliability.md says that Redis can lose, measured: killed and deprived of power while it is written to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from tests.chaos.history.history import Event, History, read
from tests.chaos.history.redis_server import RedisServer
from tests.chaos.history.schedule import Fsync

from osiris_mesh.tasks import end

KILLS = 6
POSTPONED_SECONDS = 2.0  # how long Redis puts a write off while an fsync runs


@asynccontextmanager
async def written_to(folder: Path, fsync: Fsync) -> AsyncIterator[RedisServer]:
    """A Redis under a steady load, and the witness."""
    with History(folder / "history.jsonl") as history:
        server = RedisServer(folder / "redis", fsync, history)
        server.start()
        work = [asyncio.create_task(server.bear_witness()), asyncio.create_task(write(server))]
        try:
            yield server
        finally:
            await end(*work)
            server.stop()


async def write(server: RedisServer) -> None:
    """A kilobyte at a time, for ever."""
    while True:
        try:
            async with server.client() as redis:
                while True:
                    await redis.xadd("load", {"data": b"x" * 1_000})
        except (RedisError, OSError):
            await asyncio.sleep(0.01)


def restarts(folder: Path) -> list[Event]:
    return [event for event in read(folder / "history.jsonl") if event.kind == "redis_restarted"]


async def test_with_always_a_killed_redis_has_lost_nothing(tmp_path: Path) -> None:
    async with written_to(tmp_path, "always") as server:
        for _ in range(KILLS):
            await asyncio.sleep(0.3)
            server.kill()
    assert [event.facts["lost"] for event in restarts(tmp_path)] == [0] * KILLS


async def test_with_everysec_a_killed_redis_lost_at_most_what_it_had_put_off(tmp_path: Path) -> None:
    async with written_to(tmp_path, "everysec") as server:
        for _ in range(KILLS):
            await asyncio.sleep(0.3)
            server.kill()
    for event in restarts(tmp_path):
        assert event.facts["lost"] == 0 or event.facts["until"] - event.facts["since"] <= POSTPONED_SECONDS, event


@pytest.mark.parametrize("seconds", [0.3, 1.0])
async def test_a_power_cut_takes_the_end_of_the_file_and_the_witness_tells_from_when(
    seconds: float, tmp_path: Path
) -> None:
    async with written_to(tmp_path, "everysec") as server:
        await asyncio.sleep(1.5)
        server.kill(lost_seconds=seconds)
    (event,) = restarts(tmp_path)
    assert event.facts["lost"] > 0
    assert 0 < event.facts["until"] - event.facts["since"] < seconds + 1.0  # the machine may be busy
