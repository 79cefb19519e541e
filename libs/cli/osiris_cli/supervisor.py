"""Runs services as child processes, restarts those that die, and leaves none behind."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from osiris_cli import service_log
from osiris_cli.death_signal import die_with_parent

READY_POLL_SECONDS = 0.2

Ready = Callable[[float], Awaitable[bool]]
"""Asks a service whether it can work; is given the unix time at which its process started."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep running.

    Attributes:
        name: what it is called, also its log.
        argv: its command line.
        env: its whole environment.
        restart: `always`, or `on-failure` for one that is completed when it ends with exit code 0.
        ready: asked until it says yes; None: ready as soon as it runs.
        death_signal: what the service gets when the supervisor itself dies.
        pass_fds: open files it inherits.
        after: services that must be ready before it is started for the first time.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    restart: Literal["always", "on-failure"] = "always"
    ready: Ready | None = None
    death_signal: signal.Signals = signal.SIGKILL
    pass_fds: Sequence[int] = ()
    after: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a service that died is started again, seconds: `first`, doubling up to `ceiling`."""

    first: float = 0.5
    ceiling: float = 30.0
    reset_after: float = 60.0
    """A service that lived this long starts over at `first`."""

    def delay(self, failures: int) -> float:
        """The wait after the `failures`-th death in a row, counted from 1."""
        return min(self.first * 2.0 ** min(failures - 1, 60), self.ceiling)


class State(StrEnum):
    """Where a service is in its life."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "restarting"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """What the supervisor knows of a service.

    Attributes:
        since: unix time at which it came into this state.
        pid: its process, while it has one.
        failures: deaths in a row, each within a minute of its start.
        restarts: how often it was started again.
        exit_code: of its last process; negative: the signal that ended it.
    """

    name: str
    state: State
    since: float
    pid: int | None = None
    failures: int = 0
    restarts: int = 0
    exit_code: int | None = None


class Supervisor:
    """Keeps services running for as long as its `async with` block does. Start it in the main thread.

    At the end every service gets SIGTERM; what is left of it after `drain_seconds`, or once `hurry` is set, SIGKILL,
    together with its own children.

    Args:
        services: what to run.
        logs: folder of their output, `<name>.log`.
        on_change: told of every change.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        logs: Path,
        drain_seconds: float = 25.0,
        backoff: Backoff | None = None,
        hurry: asyncio.Event | None = None,
        on_change: Callable[[Status], None] | None = None,
    ) -> None:
        self._services = services
        self._logs = logs
        self._drain_seconds = drain_seconds
        self._backoff = backoff or Backoff()
        self._hurry = hurry or asyncio.Event()
        self._on_change = on_change
        self._stopping = asyncio.Event()
        self._processes: dict[str, Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        now = time.time()
        self.statuses = {service.name: Status(service.name, State.STARTING, now) for service in services}

    def log_of(self, name: str) -> Path:
        """The file with the output of the service `name`."""
        return self._logs / f"{name}.log"

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for service in self._services:
            service_log.rotate(self.log_of(service.name))
            self._tasks.append(asyncio.create_task(self._keep(service), name=f"keep-{service.name}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End every service. Returns when none is left."""
        self._stopping.set()
        for process in self._processes.values():
            _send(process, signal.SIGTERM)
        ended = asyncio.create_task(self._ended())
        hurried = asyncio.create_task(self._hurried())
        await asyncio.wait({ended, hurried}, timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        for process in self._processes.values():
            _kill_group(process.pid)
        await ended

    async def _ended(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _hurried(self) -> None:
        await self._hurry.wait()

    async def _keep(self, service: Service) -> None:
        failures = 0
        await self._until_ready(service.after)
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run(service)
            if self._stopping.is_set():
                break
            if code == 0 and service.restart == "on-failure":
                self._change(service.name, State.COMPLETED, failures=0)
                return
            failures = 1 if time.monotonic() - started >= self._backoff.reset_after else failures + 1
            self._change(service.name, State.WAITING, failures=failures)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._backoff.delay(failures))
            self._change(service.name, State.STARTING, restarts=self.statuses[service.name].restarts + 1)
        self._change(service.name, State.STOPPED)

    async def _until_ready(self, names: Sequence[str]) -> None:
        """Wait for these services, or for the end."""
        while any(self.statuses[name].state not in (State.READY, State.COMPLETED) for name in names):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), READY_POLL_SECONDS)
                return

    async def _run(self, service: Service) -> int:
        """Run one process of `service` to its end; returns its exit code."""
        started = time.time()
        with self.log_of(service.name).open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *service.argv,
                    env=service.env,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=STDOUT,
                    pass_fds=service.pass_fds,
                    start_new_session=True,  # a group of its own, away from the terminal's Ctrl-C
                    preexec_fn=die_with_parent(service.death_signal),
                )
            except OSError as error:
                log.write(f"cannot start {service.argv[0]}: {error.strerror}\n".encode())
                self.statuses[service.name] = replace(self.statuses[service.name], pid=None, exit_code=127)
                return 127
        self._processes[service.name] = process
        self._change(service.name, State.STARTING, pid=process.pid)
        if self._stopping.is_set():  # it was asked to stop while it was being started
            _send(process, signal.SIGTERM)
        watch = asyncio.create_task(self._watch_ready(service, started))
        code = await process.wait()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        del self._processes[service.name]
        _kill_group(process.pid)
        self.statuses[service.name] = replace(self.statuses[service.name], pid=None, exit_code=code)
        return code

    async def _watch_ready(self, service: Service, started: float) -> None:
        while service.ready is not None and not await service.ready(started):
            await asyncio.sleep(READY_POLL_SECONDS)
        self._change(service.name, State.READY)

    def _change(self, name: str, state: State, **facts: Any) -> None:
        self.statuses[name] = replace(self.statuses[name], state=state, since=time.time(), **facts)
        if self._on_change is not None:
            self._on_change(self.statuses[name])


def _send(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
