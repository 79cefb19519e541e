"""A desk that was away catches up: bars that came before an order bring no fill, so nothing is waited for."""

from pathlib import Path

from tests.support.processes import Process, until

from osiris_contracts import streams
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv
from osiris_desk.market.csv_file import read
from osiris_desk.market.ticks import ticks_of
from osiris_mesh.connection import connect

FAKE = "tests.support.quiet_model"
LONG = "120"
"""Seconds for the venue to answer: were they waited for, the test would fail."""


async def test_a_backlog_of_bars_is_decided_without_waiting_for_fills(
    redis_url: str, tmp_path: Path, repository: Path
) -> None:
    redis = connect(redis_url)
    for tick in ticks_of(read(bundled_csv()).bars, BUNDLED_SYMBOL, 0)[:100]:
        await redis.xadd(streams.MARKET_TICKS, {"data": tick.json})
    models = [
        Process(name, redis_url, tmp_path, name, module=FAKE, PYTHONPATH=str(repository)) for name in ("hermes", "phi3")
    ]
    desk = Process("orchestrator", redis_url, tmp_path, OSIRIS_ORCHESTRATOR_FILL_TIMEOUT_SECONDS=LONG)
    with models[0], models[1], desk:

        async def all_decided() -> bool:
            return bool(await redis.xlen(streams.ADVICE_GENERATED) == 20)

        await until(all_decided, timeout=60, what="20 decisions")
        assert await redis.exists(streams.MARKET_ORDERS)
    await redis.aclose()
