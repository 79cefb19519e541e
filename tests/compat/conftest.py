"""One server of each kind, empty for every test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.compat.containers import IMAGES, container, engine_answers
from tests.compat.servers import PROMISED, find

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh.connection import connect


@pytest.fixture(scope="module", params=PROMISED)
def promised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of each kind in turn: a program, else an image; skipped where neither is at hand."""
    if path := find(request.param):
        folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
        with EmbeddedRedis(folder, persistent=False, server=path) as running:
            yield running.url
        return
    if not engine_answers():
        pytest.skip(f"no {request.param} here, and no engine for its image; `make servers` fetches what can be had")
    with container(IMAGES[request.param]) as url:
        if url is None:
            pytest.skip(f"no {IMAGES[request.param]} to be pulled here")
        yield url


@pytest.fixture
async def url(promised: str) -> str:
    """The URL of the server, emptied."""
    client = connect(promised)
    await client.flushall()
    await client.aclose()
    return promised


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Any]:
    """A client of it."""
    client = connect(url)
    yield client
    await client.aclose()
