"""What an interactive request waits behind a long batch queue of the real model, beside what it takes alone."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import GenerateRequest, Priority, streams
from osiris_mesh import Bus

BATCH = 60
ASKED = 7


async def _seconds(bus: Bus, priority: Priority) -> float:
    began = time.perf_counter()
    request = GenerateRequest(prompt="Say yes.", max_length=4, temperature=0)
    await bus.ask(streams.HERMES_REQUESTS, request, timeout=300, priority=priority)
    return time.perf_counter() - began


async def _measure(url: str) -> dict[str, float]:
    async with Bus(url, "bench") as bus:
        while not await bus.instances("hermes"):
            await asyncio.sleep(0.2)
        await _seconds(bus, "interactive")
        alone = statistics.median([await _seconds(bus, "interactive") for _ in range(ASKED)])
        long = GenerateRequest(prompt="Tell me a long story.", max_length=48, temperature=0)
        batch = [
            asyncio.create_task(bus.ask(streams.HERMES_REQUESTS, long, timeout=300, priority="batch"))
            for _ in range(BATCH)
        ]
        await asyncio.sleep(1)
        began = time.perf_counter()
        waited = [await _seconds(bus, "interactive") for _ in range(ASKED)]
        left = sum(not task.done() for task in batch)
        await asyncio.gather(*batch)
        whole = time.perf_counter() - began
    return {
        "interactive alone, s": alone,
        f"interactive before {BATCH} batch requests, s": statistics.median(waited),
        "batch requests still waiting then": left,
        "seconds until the batch was done": whole,
        "interactive / the whole batch": statistics.median(waited) / whole,
    }


def measure() -> dict[str, float]:
    """Median seconds of short interactive requests, alone and before a batch queue."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), persistent=False) as redis:
        environment = os.environ | {
            "OSIRIS_REDIS_URL": redis.url,
            "OSIRIS_MODELS": str(Path(".osiris/models").absolute()),
            "OSIRIS_LOG_LEVEL": "error",
        }
        hermes = subprocess.Popen([sys.executable, "-m", "osiris_hermes"], env=environment)
        try:
            return asyncio.run(_measure(redis.url))
        finally:
            hermes.terminate()
            hermes.wait()
