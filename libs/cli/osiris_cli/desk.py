"""The desk on one machine: which processes, with which command lines and environments, in which order."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path

from redis.exceptions import RedisError

from osiris_cli import nightly, run_file, service_log
from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.errors import CliError
from osiris_cli.file_lock import FileLock
from osiris_cli.network import http_url, port_is_free
from osiris_cli.settings import LOGS, CliSettings
from osiris_cli.supervisor import Service, State, Status, Supervisor
from osiris_contracts import streams
from osiris_mesh.connection import Client, connect, ensure_group
from osiris_mesh.presence import alive

SERVICES = ("trainer", "phi3", "hermes", "gateway", "orchestrator", "sim", "tts")
VOICE = "tts"
AFTER = {VOICE: ("phi3", "hermes")}
"""Who waits with its start for whom: a voice that loads beside the models would hold the first proposal up."""
REDIS = "redis"
ENDS_BY_ITSELF = frozenset({"sim"})

OnChange = Callable[[Status], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """A running desk."""

    redis_url: str
    gateway_url: str
    supervisors: tuple[Supervisor, ...]

    @property
    def statuses(self) -> list[Status]:
        """What every process does, Redis first."""
        return [status for supervisor in self.supervisors for status in supervisor.statuses.values()]

    def status(self, name: str) -> Status:
        """What the process `name` does."""
        return next(status for status in self.statuses if status.name == name)


@asynccontextmanager
async def running(
    settings: CliSettings,
    *,
    extra: Mapping[str, str] | None = None,
    fresh: bool = False,
    drain_seconds: float = 25.0,
    hurry: asyncio.Event | None = None,
    on_change: OnChange | None = None,
) -> AsyncIterator[Desk]:
    """Run the whole desk for the length of the block.

    Args:
        settings: where and on which port.
        extra: more environment for the services.
        fresh: begin with an empty home, and an embedded Redis that keeps nothing; for a throw-away desk.
        drain_seconds: how long services may finish what they hold.
        hurry: set it to end them at once.
        on_change: told of every change of a process.

    Raises:
        CliError: another desk runs in the home, its port is taken, or Redis does not start.
    """
    gateway = http_url(settings.gateway_host, settings.gateway_port)
    started_at = datetime.now(UTC)
    supervisors: list[Supervisor] = []

    def changed(status: Status) -> None:
        pids = {each.name: each.pid for one in supervisors for each in one.statuses.values() if each.pid}
        run_file.RunFile(
            pid=os.getpid(), redis_url=redis_url, gateway_url=gateway, started_at=started_at, services=pids
        ).write(settings.home)
        if on_change is not None:
            on_change(status)

    supervise = partial(Supervisor, logs=settings.logs, drain_seconds=drain_seconds, hurry=hurry, on_change=changed)
    async with AsyncExitStack() as stack:
        stack.enter_context(FileLock(settings.home / run_file.LOCK))
        if not port_is_free(settings.gateway_host, settings.gateway_port):
            raise CliError(
                f"expected port {settings.gateway_port} on {settings.gateway_host} for the gateway, it is taken; "
                "free it, or choose another with --port or OSIRIS_GATEWAY_PORT"
            )
        if fresh:
            _empty(settings.home)
        stack.callback(run_file.remove, settings.home)
        if settings.redis_url is not None:
            redis_url = settings.redis_url
        else:
            server = EmbeddedRedis(settings.home / "redis", persistent=not fresh).reserve()
            stack.callback(server.release)
            redis_url = server.url
            supervisors.append(supervise([redis_service(server)]))
            await stack.enter_async_context(supervisors[-1])
            await _until_redis_answers(supervisors[-1])
        redis = connect(redis_url)
        stack.push_async_callback(redis.aclose)
        # made before the sim looks for it, so that the replay waits for the desk from its very first bar
        await ensure_group(redis, streams.MARKET_TICKS, streams.DESK_GROUP)
        supervisors.append(supervise(services(settings, redis_url, redis, extra or {})))
        await stack.enter_async_context(supervisors[-1])
        yield Desk(redis_url, gateway, tuple(supervisors))


@asynccontextmanager
async def nights(settings: CliSettings, desk: Desk, at: time) -> AsyncIterator[None]:
    """For the length of the block, a night of its own process beside the desk, every day `at`.

    Raises:
        CliError: its environment is not installed.
    """
    night = nightly.service(settings, environment(settings, desk.redis_url))
    async with nightly.every_night(at, night, partial(Supervisor, logs=settings.logs)):
        yield


def redis_service(server: EmbeddedRedis) -> Service:
    """The embedded Redis as a process to keep running; asked to write its data when the supervisor dies."""

    async def ready(_: float) -> bool:
        return server.answers()

    return Service(
        REDIS,
        server.argv(),
        restart="always",
        ready=ready,
        death_signal=signal.SIGTERM,
        pass_fds=(server.lock_fd,),
    )


def services(settings: CliSettings, redis_url: str, redis: Client, extra: Mapping[str, str]) -> list[Service]:
    """The services of the desk; all start at once, each waits for what it needs."""
    env = environment(settings, redis_url) | dict(extra)
    return [
        Service(
            name,
            (sys.executable, "-m", f"osiris_{name}"),
            env,
            restart="on-failure" if name in ENDS_BY_ITSELF else "always",
            ready=partial(_is_ready, redis, name),
            after=AFTER.get(name, ()),
        )
        for name in SERVICES
        if settings.speech or name != VOICE
    ]


def environment(settings: CliSettings, redis_url: str) -> dict[str, str]:
    """What every service finds in its environment: ours, and where this desk is."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "OSIRIS_HOME": str(settings.home),
        "OSIRIS_MODELS": str(settings.models_folder),
        "OSIRIS_REDIS_URL": redis_url,
        "OSIRIS_GATEWAY_HOST": settings.gateway_host,
        "OSIRIS_GATEWAY_PORT": str(settings.gateway_port),
    }


def _empty(home: Path) -> None:
    """Remove what an earlier desk wrote, but for its logs."""
    for path in home.iterdir():
        if path.is_dir() and path.name != LOGS:
            shutil.rmtree(path)


async def _is_ready(redis: Client, name: str, started: float) -> bool:
    try:
        present = await alive(redis, name)
    except (RedisError, OSError):
        return False
    return any(each.ready and each.started_at.timestamp() >= started for each in present)


async def _until_redis_answers(supervisor: Supervisor) -> None:
    while (status := supervisor.statuses[REDIS]).state is not State.READY:
        if status.failures:
            log = supervisor.log_of(REDIS)
            raise CliError(f"Redis does not start (exit code {status.exit_code}): {_last_line(log)}; see {log}", 1)
        await asyncio.sleep(0.01)


def _last_line(log: Path) -> str:
    return next(iter(service_log.last_lines(log, 1)), "it said nothing")
