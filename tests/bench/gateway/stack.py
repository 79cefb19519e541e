"""The processes that are measured: doors on the first core, all else on the second."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.bench.gateway.load import LOOPBACK, drive

from osiris_cli.death_signal import die_with_parent
from osiris_cli.network import free_port
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

REPOSITORY = Path(__file__).parent.parent.parent.parent
LITELLM = REPOSITORY / ".venv-litellm/bin/litellm"
DOOR, REST = 0, 1
"""Cores."""

UVICORN = (sys.executable, "-m", "uvicorn", "--log-level", "error", "--no-access-log", "--port")
_START_SECONDS = 90.0


def pin_the_rest() -> None:
    """Keep this process, which makes the load, and those it starts from now on, off the doors' core."""
    os.sched_setaffinity(0, {REST})


@contextmanager
def at_the_door() -> Iterator[None]:
    """This process does what a door does, on its core."""
    os.sched_setaffinity(0, {DOOR})
    try:
        yield
    finally:
        pin_the_rest()


@dataclass(frozen=True)
class Door:
    """What answers HTTP: its port, and its process."""

    port: int
    pid: int


def cpu_seconds(*pids: int) -> float:
    """Seconds that all threads of these processes have run so far (Linux)."""
    files = [file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


@contextmanager
def process(*argv: str, core: int = REST, **environment: str) -> Iterator[int]:
    """A child on one core, for the length of the block; yields its pid."""
    die = die_with_parent(signal.SIGKILL)

    def in_child() -> None:
        os.sched_setaffinity(0, {core})
        if die is not None:
            die()

    child = subprocess.Popen(
        argv,
        cwd=REPOSITORY,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=in_child,  # noqa: PLW1509  # one system call each, no lock taken
    )
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)


@contextmanager
def osiris(redis_url: str, home: Path) -> Iterator[Door]:
    """Our gateway. It needs a worker to answer."""
    port = free_port(LOOPBACK)
    with process(
        *(sys.executable, "-m", "osiris_gateway"),
        core=DOOR,
        OSIRIS_GATEWAY_PORT=str(port),
        OSIRIS_GATEWAY_QUEUE_LIMIT="256",  # nobody is refused here
        **_mesh(redis_url, home),
    ) as pid:
        wait_until(lambda: _answers(port, "/readyz"))
        yield Door(port, pid)


@contextmanager
def worker(redis_url: str, home: Path, *options: str) -> Iterator[int]:
    """A service worker that echoes; yields its pid."""
    with process(sys.executable, "-m", "tests.bench.gateway.echo_worker", *options, **_mesh(redis_url, home)) as pid:
        yield pid


@contextmanager
def raw_worker(redis_url: str) -> Iterator[None]:
    """Who answers the hops of Redis alone."""
    with process(sys.executable, "-m", "tests.bench.gateway.raw", redis_url):
        yield


@contextmanager
def sidecar() -> Iterator[int]:
    """What the others ask."""
    port = free_port(LOOPBACK)
    with process(*UVICORN, str(port), "tests.bench.gateway.sidecar:model"):
        wait_until(lambda: _answers(port, "/docs"))
        yield port


@contextmanager
def fastapi(sidecar_port: int) -> Iterator[Door]:
    """FastAPI that asks the sidecar by httpx."""
    port = free_port(LOOPBACK)
    with process(
        *UVICORN,
        str(port),
        "tests.bench.gateway.sidecar:door",
        core=DOOR,
        SIDECAR_URL=f"http://{LOOPBACK}:{sidecar_port}",
    ) as pid:
        wait_until(lambda: _answers(port, "/docs"))
        yield Door(port, pid)


@contextmanager
def litellm(sidecar_port: int, folder: Path) -> Iterator[Door]:
    """LiteLLM's proxy that asks the sidecar."""
    port = free_port(LOOPBACK)
    asked = {"model": "openai/hermes", "api_base": f"http://{LOOPBACK}:{sidecar_port}/v1", "api_key": "none"}
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "hermes", "litellm_params": asked}]}))
    with process(
        *(str(LITELLM), "--config", str(config), "--host", LOOPBACK, "--port", str(port), "--telemetry", "False"),
        core=DOOR,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_LOG="ERROR",
        LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true",  # on loopback, as ours
        PATH=f"{LITELLM.parent}:{os.environ['PATH']}",
    ) as pid:
        wait_until(lambda: _answers(port, "/health/liveliness"))
        yield Door(port, pid)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so.

    Raises:
        TimeoutError: it took too long.
    """
    give_up = time.monotonic() + _START_SECONDS
    while not is_so():
        if time.monotonic() > give_up:
            raise TimeoutError(f"expected it to be so within {_START_SECONDS:g} s")
        time.sleep(0.1)


def serves(port: int, request: bytes) -> bool:
    """Whether it answers one request with success."""
    try:
        asyncio.run(drive(port, request, clients=1, seconds=0))
    except (OSError, RuntimeError):
        return False
    return True


def workers(redis_url: str) -> int:
    """Echo workers that are ready."""

    async def count() -> int:
        redis = connect(redis_url)
        try:
            return sum(presence.ready for presence in await alive(redis, "hermes"))
        finally:
            await redis.aclose()

    return asyncio.run(count())


def _answers(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}{path}").status_code == 200
    except httpx.TransportError:
        return False


def _mesh(redis_url: str, home: Path) -> dict[str, str]:
    return {"OSIRIS_REDIS_URL": redis_url, "OSIRIS_HOME": str(home), "OSIRIS_LOG_LEVEL": "error"}
