"""What waits for a group, as the gateway and the tests see it."""

from typing import Any

import pytest

from osiris_mesh.connection import connect
from osiris_mesh.queues import Waiting, waiting


@pytest.fixture
async def redis(redis_url: str) -> Any:
    client = connect(redis_url)
    for number in range(10):
        await client.xadd("work", {"data": str(number)}, id=f"{1000 + number}-0")
    yield client
    await client.aclose()


async def one(redis: Any, stream: str = "work") -> Waiting:
    return (await waiting(redis, [stream], "workers"))[stream]


async def test_without_a_group_everything_waits(redis: Any) -> None:
    found = await one(redis)
    assert (found.backlog, found.finished) == (10, None)
    assert found.oldest_seconds > 1_000_000  # since 1970


async def test_what_is_handed_out_waits_for_its_end_but_not_for_a_worker(redis: Any) -> None:
    await redis.xgroup_create("work", "workers", id="0")
    await redis.xreadgroup("workers", "me", {"work": ">"}, count=10)
    await redis.xack("work", "workers", "1000-0", "1001-0")
    assert await one(redis) == Waiting(backlog=8, oldest_seconds=0.0, finished=2)


async def test_entries_are_counted_where_redis_does_not_know_the_lag(redis: Any) -> None:
    await redis.xgroup_create("work", "workers", id="1004-0")  # Redis cannot tell how many were read
    found = await one(redis)
    assert (found.backlog, found.finished) == (5, None)


async def test_no_stream_is_no_work(redis: Any) -> None:
    assert (await one(redis, "nothing")).backlog == 0
