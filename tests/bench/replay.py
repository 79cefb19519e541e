"""Sim replay at full speed into a real Redis, beside plain pipelined XADDs of the same bars."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_mesh.connection import connect

BARS = 200_000
PIPELINE = 500


def _csv(path: Path) -> None:
    lines = ["timestamp,open,high,low,close,volume"]
    lines += [
        f"{2000 + day // 336}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d} {minute // 60:02d}:{minute % 60:02d},"
        f"100.5,101.25,99.75,{100 + minute % 7 / 10},1200"
        for day, minute in (divmod(bar, 1440) for bar in range(BARS))
    ]
    path.write_text("\n".join(lines) + "\n")


def _sim(path: Path, url: str, bars: int) -> float:
    """Bars/s of the whole command less its start: that of a replay of one bar."""

    def seconds(*options: str) -> float:
        started = time.perf_counter()
        command = [sys.executable, "-m", "osiris_sim", str(path), "--symbol", "SPY", "--redis_url", url, "--restart"]
        subprocess.run([*command, "--speed", "max", *options], check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started

    start = seconds("--to_date", "2000-01-01 00:00")
    return (bars - 1) / (seconds() - start)


async def _pipelined(url: str, count: int) -> float:
    redis = connect(url)
    data = (
        '{"symbol":"SPY","timestamp":"2000-01-01T00:00:00Z","open":100.5,"high":101.25,"low":99.75,"close":100.1,'
        '"volume":1200.0}'
    )
    started = time.perf_counter()
    for _ in range(count // PIPELINE):
        pipeline = redis.pipeline(transaction=False)
        for number in range(PIPELINE):
            pipeline.xadd("plain", {"data": data, "id": str(number), "type": "MarketTick", "source": "bench"})
        await pipeline.execute()
    seconds = time.perf_counter() - started
    await redis.aclose()
    return count / seconds


def measure() -> dict[str, float]:
    """Bars/s of `osiris_sim --speed max`, and its ratio to plain pipelined XADDs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _csv(folder / "spy.csv")
        with EmbeddedRedis(folder / "redis", persistent=False) as redis:
            plain = asyncio.run(_pipelined(redis.url, 50_000))
            sim = _sim(folder / "spy.csv", redis.url, BARS)
    return {
        "plain XADDs, pipelined by 500, bars/s": plain,
        "sim --speed max, bars/s": sim,
        "sim / plain XADDs": sim / plain,
    }
