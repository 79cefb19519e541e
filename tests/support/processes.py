"""Services as real processes, for tests that kill them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from osiris_cli.death_signal import die_with_parent
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive


class Process:
    """`python -m osiris_<service>` on a Redis and a home of its own. Use it as a context manager.

    Args:
        module: what runs in its place.
        name: of its log; the service by default.
        leashed: it dies when this process does, however that ends.
    """

    def __init__(
        self,
        service: str,
        redis_url: str,
        home: Path,
        *arguments: str,
        module: str | None = None,
        name: str | None = None,
        leashed: bool = False,
        **environment: str,
    ) -> None:
        self.service = service
        self._redis_url = redis_url
        self._argv = [sys.executable, "-m", module or f"osiris_{service}", *arguments]
        self._environment = os.environ | {
            "OSIRIS_REDIS_URL": redis_url,
            "OSIRIS_HOME": str(home),
            "OSIRIS_LEASE_SECONDS": "1.5",
            "OSIRIS_LOG_LEVEL": "warning",
            "OSIRIS_GATEWAY_PORT": "0",
            "OSIRIS_AZR_PLANNER_PORT": "0",
            **environment,
        }
        self._leashed = leashed
        self._log = home / f"{name or service}.log"
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Start it, without waiting for it to be ready."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._argv,
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGKILL) if self._leashed else None,  # noqa: PLW1509  # one system call
            )

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        assert self._child is not None
        return self._child.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        assert self._child is not None
        self._child.send_signal(number)

    def kill(self) -> None:
        """kill -9, as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def terminate(self, timeout: float = 30) -> int:
        """SIGTERM; returns the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float = 60) -> int:
        """Until it ends by itself; returns the exit code."""
        assert self._child is not None
        return self._child.wait(timeout)

    async def ready(self, timeout: float = 60) -> None:
        """Until it says that it can work."""

        async def present() -> bool:
            if self._child is not None and self._child.poll() is not None:
                raise RuntimeError(f"{self.service} ended with {self._child.returncode}:\n{self.log()[-2000:]}")
            found = await alive(redis, self.service)
            return any(each.ready and f"-{self.pid}-" in each.instance for each in found)

        redis = connect(self._redis_url)
        try:
            await until(present, timeout=timeout, what=f"{self.service} to be ready")
        finally:
            await redis.aclose()

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")


async def until(condition: Callable[[], Awaitable[Any]], *, timeout: float = 20, what: str = "the condition") -> Any:
    """Ask `condition` until it is true; its answer.

    Raises:
        AssertionError: it was not within `timeout` seconds.
    """
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        if answer := await condition():
            return answer
        await asyncio.sleep(0.03)
    raise AssertionError(f"waited {timeout:g} s for {what}")
