"""Behind Sentinel the mesh follows the master: when one dies, its replica is worked on, and what waits is answered."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, RedisError
from tests.support.processes import until
from tests.support.redis_server import redis_server
from tests.support.serving import STREAM, echo, serving

from osiris_cli.embedded_redis import find_server
from osiris_cli.network import free_port
from osiris_contracts import GenerateRequest
from osiris_mesh import Bus
from osiris_mesh.sentinel import SentinelUrl

SENTINEL = """
sentinel monitor desk 127.0.0.1 {port} 1
sentinel down-after-milliseconds desk 500
sentinel failover-timeout desk 3000
"""


@contextmanager
def sentinel(folder: Path, config: Path) -> Iterator[int]:
    """A Sentinel that watches what `config` says; yields its port."""
    port = free_port("127.0.0.1")
    folder.mkdir()
    command = [str(find_server()), str(config), "--sentinel", "--port", str(port), "--dir", str(folder)]
    with (folder / "sentinel.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        child.kill()
        child.wait()


async def role(port: int) -> bytes:
    """Of a server: master or slave, the latter when it has all that the master has."""
    async with Redis(port=port) as redis:
        said: Any = await redis.execute_command("ROLE")
    return bytes(said[0]) if said[0] == b"master" or said[3] == b"connected" else b""


async def known(port: int, replica: int) -> None:
    """Until the Sentinel knows the replica, and that has all."""

    async def seen() -> bool:
        try:
            async with Redis(port=port) as client:
                replicas = await client.execute_command("SENTINEL", "REPLICAS", "desk")
        except (RedisError, OSError):
            return False
        return len(replicas) == 1 and await role(replica) == b"slave"

    await until(seen, timeout=30, what="the Sentinel to know the replica")


@pytest.mark.slow
async def test_the_mesh_goes_on_with_the_replica_when_the_master_dies(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path / "master", "--repl-diskless-sync-delay", "0") as master,
        redis_server(tmp_path / "replica", "--replicaof", "127.0.0.1", str(master)) as replica,
    ):
        config = tmp_path / "sentinel.conf"
        config.write_text(SENTINEL.format(port=master))
        with sentinel(tmp_path / "sentinel", config) as port:
            url = f"redis+sentinel://127.0.0.1:{port}/desk/0"
            await known(port, replica)
            async with serving(url, echo), Bus(url, "test") as bus:
                first = await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=20)
                assert first.text == "BEFORE"
                async with Redis(port=master) as dying:
                    await dying.wait(1, 5_000)  # what was acknowledged is on the replica, too
                    with suppress(ConnectionError):
                        await dying.execute_command("SHUTDOWN", "NOSAVE")

                async def promoted() -> bool:
                    return await role(replica) == b"master"

                await until(promoted, timeout=30, what="the replica to be the master")
                second = await bus.ask(STREAM, GenerateRequest(prompt="after"), timeout=30)
                assert second.text == "AFTER"


def test_a_url_of_sentinels_is_read() -> None:
    read = SentinelUrl.read("redis+sentinel://me:p%40ss@a:1,b,[::1]:3/desk/2")
    assert read == SentinelUrl((("a", 1), ("b", 26379), ("[::1]", 3)), "desk", 2, "me", "p@ss")
    assert SentinelUrl.read("redis://a:1/0") is None


@pytest.mark.parametrize("wrong", ["", "a:1", "a:x/desk", "a:1/", ":1/desk", "a:1/desk/x", "a:99999/desk"])
def test_a_url_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected redis\+sentinel://"):
        SentinelUrl.read(f"redis+sentinel://{wrong}")
