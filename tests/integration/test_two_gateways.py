"""Two gateways in processes of their own: they know the same keys, and draw from the same limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from tests.support.gateways import added, bearer, key_ring, until_status
from tests.support.processes import Process

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = [pytest.mark.xdist_group("two-gateways"), pytest.mark.asyncio(loop_scope="module")]

Doors = tuple[str, list[httpx.AsyncClient]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    """The URL of Redis, and a client of each gateway."""
    home = tmp_path_factory.mktemp("gateways")
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(home / "redis", persistent=False))
        processes = [Process("gateway", redis.url, home, name=f"gateway-{number}") for number in (1, 2)]
        for process in processes:
            stack.enter_context(process)
        for process in processes:
            await process.ready()
        client = connect(redis.url)
        urls = [each.probe_url or "" for each in await alive(client, "gateway")]
        await client.aclose()
        yield redis.url, [await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30)) for url in urls]


async def test_they_see_a_new_key_and_a_revoked_one_within_a_second(doors: Doors) -> None:
    url, each_door = doors
    async with key_ring(url) as ring:
        assert [(await each.get("/v1/models")).status_code for each in each_door] == [200, 200]
        old = bearer(await added(url, "old"))
        seconds = [await until_status(each, 401, {}) for each in each_door]
        assert [(await each.get("/v1/models", headers=old)).status_code for each in each_door] == [200, 200]
        new = bearer(await added(url, "new"))  # rotation: the new one works before the old one ends
        seconds += [await until_status(each, 200, new) for each in each_door]
        assert await ring.revoke("old")
        seconds += [await until_status(each, 401, old) for each in each_door]
        assert [(await each.get("/v1/models", headers=new)).status_code for each in each_door] == [200, 200]
        assert await ring.revoke("new")
        seconds += [await until_status(each, 401, new) for each in each_door]
        assert max(seconds) < 2  # 0.5 s on an idle machine
        for each in each_door:  # the last key is gone, the door is not open
            assert (await each.get("/v1/models")).status_code == 401
        await ring.open()
        for each in each_door:
            await until_status(each, 200, {})


async def test_they_share_the_requests_of_a_key(doors: Doors) -> None:
    url, each_door = doors
    secret = bearer(await added(url, requests_per_minute=20))
    other = bearer(await added(url, "other"))
    for each in each_door:
        await until_status(each, 401, {})
    first = await each_door[0].get("/v1/models", headers=secret)
    assert first.headers["ratelimit-policy"] == '"requests";q=20;w=60'
    assert first.headers["ratelimit"] == '"requests";r=19;t=3'
    answers = await asyncio.gather(*(each_door[n % 2].get("/v1/models", headers=secret) for n in range(40)))
    assert 19 <= sum(each.status_code == 200 for each in answers) <= 22  # one comes back every 3 s
    refused = [each for each in answers if each.status_code == 429]
    assert all(1 <= int(each.headers["retry-after"]) <= 3 for each in refused)
    assert all('"requests";r=0' in each.headers["ratelimit"] for each in refused)
    assert all(len(each.headers.get_list("ratelimit")) == 1 for each in answers)
    free = await each_door[0].get("/v1/models", headers=other)
    assert free.status_code == 200 and "ratelimit" not in free.headers
    await asyncio.sleep(int(refused[-1].headers["retry-after"]))  # which was honest
    assert (await each_door[1].get("/v1/models", headers=secret)).status_code == 200
