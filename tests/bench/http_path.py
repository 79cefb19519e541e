"""HTTP → stream → echo worker → HTTP, beside a raw Redis round trip and beside FastAPI + httpx to a sidecar."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from tests.bench.load import Load, drive

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import free_port
from osiris_mesh.connection import connect

BODY = b'{"prompt": "How far is the stop from the last close, and why?", "max_length": 64}'
REQUESTS = 3_000
CONNECTIONS = 32


@contextmanager
def _process(*argv: str, **environment: str) -> Iterator[None]:
    child = subprocess.Popen(
        [sys.executable, "-m", *argv],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def _wait(url: str, want: int = 200) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            if httpx.get(url).status_code == want:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer {want} within 30 s")


async def _redis_round_trips(url: str, count: int) -> float:
    redis = connect(url)
    started = time.perf_counter()
    for _ in range(count):
        await redis.execute_command("XADD", "bench.raw", "MAXLEN", "~", 1000, "*", "data", BODY)
    seconds = (time.perf_counter() - started) / count
    await redis.aclose()
    return seconds * 1e3


async def _both(port: int) -> tuple[Load, Load]:
    await drive(port, "/generate/", BODY, requests=300, connections=8)
    alone = await drive(port, "/generate/", BODY, requests=300, connections=1)
    return alone, await drive(port, "/generate/", BODY, requests=REQUESTS, connections=CONNECTIONS)


def measure() -> dict[str, float]:
    """Latency alone (ms) and requests/s at 32 connections, of the mesh and of what it is compared with."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(EmbeddedRedis(folder / "redis", persistent=False))
        gateway, door, sidecar = (free_port("127.0.0.1") for _ in range(3))
        mesh = {"OSIRIS_REDIS_URL": redis.url, "OSIRIS_HOME": str(folder), "OSIRIS_LOG_LEVEL": "error"}
        stack.enter_context(_process("tests.bench.echo_worker", **mesh))
        stack.enter_context(_process("osiris_gateway", OSIRIS_GATEWAY_PORT=str(gateway), **mesh))
        _wait(f"http://127.0.0.1:{gateway}/readyz")
        time.sleep(1.5)  # the gateway sees the worker's presence
        raw = asyncio.run(_redis_round_trips(redis.url, 2_000))
        alone, together = asyncio.run(_both(gateway))

        uvicorn = ("uvicorn", "--log-level", "error", "--port")
        stack.enter_context(_process(*uvicorn, str(sidecar), "tests.bench.sidecar:model"))
        stack.enter_context(
            _process(*uvicorn, str(door), "tests.bench.sidecar:door", SIDECAR_URL=f"http://127.0.0.1:{sidecar}")
        )
        _wait(f"http://127.0.0.1:{sidecar}/docs")
        _wait(f"http://127.0.0.1:{door}/docs")
        rival_alone, rival_together = asyncio.run(_both(door))
    return {
        "raw redis XADD, ms": raw,
        "mesh alone p50, ms": alone.p50_ms,
        "mesh alone / raw redis": alone.p50_ms / raw,
        "fastapi+httpx alone p50, ms": rival_alone.p50_ms,
        "mesh 32 connections, requests/s": together.requests_per_second,
        "mesh 32 connections p99, ms": together.p99_ms,
        "fastapi+httpx 32 connections, requests/s": rival_together.requests_per_second,
        "fastapi+httpx 32 connections p99, ms": rival_together.p99_ms,
        "mesh / fastapi+httpx, requests/s": together.requests_per_second / rival_together.requests_per_second,
    }
