"""GET /stream/desk to many clients: events a second that arrive, and memory of the gateway for each client."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import free_port
from osiris_contracts import streams
from osiris_mesh.connection import Client, connect

CLIENTS = 200
TICKS = 1_000
AT_ONCE = 10
TICK = (
    b'{"symbol":"EURUSD","timestamp":"2017-01-02T02:00:00Z","open":1.05155,"high":1.05197,"low":1.05146,'
    b'"close":1.05177,"volume":793}'
)


async def _client(port: int, live: asyncio.Event) -> int:
    """Counts bars until it has all; what was dropped for it counts as not arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream/desk?history=0 HTTP/1.1\r\nhost: bench\r\n\r\n")
    await reader.readuntil(b"event: live")
    live.set()
    found, tail = 0, b""
    with suppress(TimeoutError):
        while found < TICKS:
            part = tail + await asyncio.wait_for(reader.read(262_144), 15)
            found += part.count(b"event: tick\n")
            tail = part[part.rfind(b"\n") + 1 :]
    writer.close()
    return found


async def _publish(redis: Client) -> None:
    for _ in range(TICKS // AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for _ in range(AT_ONCE):
            pipeline.xadd(streams.MARKET_TICKS, {"data": TICK})
        await pipeline.execute()


async def _fan_out(port: int, url: str, gateway: psutil.Process) -> dict[str, float]:
    redis = connect(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        before = gateway.memory_info().rss
        events = [asyncio.Event() for _ in range(CLIENTS)]
        clients = [asyncio.create_task(_client(port, event)) for event in events]
        await asyncio.gather(*(event.wait() for event in events))
        connected = gateway.memory_info().rss
        started, cpu = time.perf_counter(), sum(gateway.cpu_times()[:2])
        await _publish(redis)
        published = time.perf_counter() - started
        arrived = sum(await asyncio.gather(*clients))
        seconds = time.perf_counter() - started
        worked = sum(gateway.cpu_times()[:2]) - cpu
    return {
        "clients": CLIENTS,
        "bars published": TICKS,
        "published, bars/s": TICKS / published,
        "arrived, events/s": arrived / seconds,
        "arrived, share of all": arrived / (CLIENTS * TICKS),
        "gateway CPU an event, us": 1e6 * worked / max(arrived, 1),
        "memory a client connected, kB": (connected - before) / CLIENTS / 1e3,
        "memory a client after the flood, kB": (gateway.memory_info().rss - before) / CLIENTS / 1e3,
    }


def measure() -> dict[str, float]:
    """One gateway, CLIENTS clients that read as fast as they can, and bars as fast as Redis takes them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder) / "redis", persistent=False) as redis,
    ):
        port = free_port("127.0.0.1")
        environment = {
            "OSIRIS_REDIS_URL": redis.url,
            "OSIRIS_HOME": folder,
            "OSIRIS_GATEWAY_PORT": str(port),
            "OSIRIS_LOG_LEVEL": "error",
        }
        child = subprocess.Popen([sys.executable, "-m", "osiris_gateway"], env=os.environ | environment)
        try:
            return asyncio.run(_measured(port, redis.url, child.pid))
        finally:
            child.terminate()
            child.wait()


async def _measured(port: int, url: str, pid: int) -> dict[str, float]:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await asyncio.sleep(1)
            return await _fan_out(port, url, psutil.Process(pid))
        await asyncio.sleep(0.1)
    raise TimeoutError("the gateway did not start within 60 s")
