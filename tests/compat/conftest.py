"""One server of each kind, empty for every test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.compat.servers import PROMISED, find

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh.connection import connect


@pytest.fixture(scope="module", params=PROMISED)
def promised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A server of each kind in turn; skipped where it is not at hand."""
    path = find(request.param)
    if path is None:
        pytest.skip(f"no {request.param} here; `make servers` fetches what can be had")
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "-"))
    with EmbeddedRedis(folder, persistent=False, server=path) as running:
        yield running


@pytest.fixture
async def url(promised: EmbeddedRedis) -> str:
    """The URL of the server, emptied."""
    client = connect(promised.url)
    await client.flushall()
    await client.aclose()
    return promised.url


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Any]:
    """A client of it."""
    client = connect(url)
    yield client
    await client.aclose()
