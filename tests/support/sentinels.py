"""A Redis Sentinel, and what it and the servers that it watches say."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError, RedisError
from tests.support.processes import until

from osiris_cli.embedded_redis import find_server
from osiris_cli.network import free_port

SENTINEL = """
sentinel monitor desk 127.0.0.1 {port} 1
sentinel down-after-milliseconds desk 500
sentinel failover-timeout desk 3000
"""


@contextmanager
def sentinel(folder: Path, master: int) -> Iterator[int]:
    """A Sentinel that watches the master on that port of loopback, and calls it desk; yields its own port."""
    port = free_port("127.0.0.1")
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(SENTINEL.format(port=master))
    command = [str(find_server()), str(config), "--sentinel", "--port", str(port), "--dir", str(folder)]
    with (folder / "sentinel.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        child.kill()
        child.wait()


async def master_dies(master: int, replica: int) -> None:
    """End the master, and wait until the replica is one."""
    async with Redis(port=master) as dying:
        await dying.wait(1, 5_000)  # what was acknowledged is on the replica, too
        with suppress(ConnectionError):
            await dying.execute_command("SHUTDOWN", "NOSAVE")

    async def promoted() -> bool:
        return await role(replica) == b"master"

    await until(promoted, timeout=30, what="the replica to be the master")


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
