"""A Redis that is not the desk's own: on a port, with users and passwords, as in production."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osiris_cli.embedded_redis import find_server
from osiris_cli.network import free_port


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[int]:
    """Runs redis-server with these options; yields its port on loopback."""
    port = free_port("127.0.0.1")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "redis.log"
    command = [str(find_server()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with log.open("wb") as out:
        child = subprocess.Popen([*command, *options], stdout=out, stderr=out)
    try:
        give_up = time.monotonic() + 20
        while "Ready to accept connections" not in log.read_text():
            assert child.poll() is None and time.monotonic() < give_up, log.read_text()
            time.sleep(0.01)
        yield port
    finally:
        child.kill()
        child.wait()
