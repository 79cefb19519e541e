"""Whole replays on a real Redis."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from osiris_contracts import EXECUTION, MarketTick, Order, streams
from osiris_desk.market.bars import Tape
from osiris_desk.market.csv_file import read
from osiris_mesh.connection import connect
from osiris_sim.app import build
from osiris_sim.settings import SimSettings

START = datetime(2023, 10, 2, tzinfo=UTC)


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    rows = (
        f"{(START + timedelta(hours=hour)).isoformat()},{100 + hour},{101 + hour},{99 + hour},{100 + hour},1000"
        for hour in range(60)
    )
    path = tmp_path / "spy.csv"
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def replay(path: Path, redis_url: str, *, stop_after: float | None = None, **options: Any) -> None:
    options = {"speed": None if "delay" in options else "max", "log_level": "error"} | options
    settings = SimSettings(redis_url=redis_url, **options)
    service = build(settings, "SPY", Tape(read(path).bars, loop=settings.loop))
    async with service.running():
        try:
            await asyncio.wait_for(service._stopped.wait(), stop_after or 10)
        except TimeoutError:
            assert stop_after, "the replay did not end"
    assert service._failure is None


async def send(redis: Any, message: BaseModel | str) -> None:
    data = message if isinstance(message, str) else message.model_dump_json()
    await redis.xadd(streams.MARKET_ORDERS, {"data": data})


async def fills(redis: Any) -> list[Any]:
    return [EXECUTION.validate_json(fields[b"data"]) for _, fields in await redis.xrange(streams.MARKET_FILLS)]


async def ticks(redis: Any) -> list[MarketTick]:
    return [MarketTick.model_validate_json(fields[b"data"]) for _, fields in await redis.xrange(streams.MARKET_TICKS)]


def order(number: int, hour: int | None = None, **fields: Any) -> Order:
    as_of = None if hour is None else START + timedelta(hours=hour)
    return Order.model_validate({"order_id": UUID(int=number), "symbol": "SPY", "as_of": as_of} | fields)


async def test_every_bar_becomes_a_tick_in_order(spy: Path, redis_url: str, redis: Any) -> None:
    await replay(spy, redis_url)
    found = await ticks(redis)
    assert [tick.timestamp for tick in found] == [START + timedelta(hours=hour) for hour in range(60)]
    entry = (await redis.xrange(streams.MARKET_TICKS, count=1))[0][1]
    assert set(entry) == {b"data", b"id", b"type", b"source", b"time"}


async def test_the_same_replay_sends_the_same_bytes(spy: Path, redis_url: str, redis: Any) -> None:
    for _ in range(2):  # a replay that came to its end begins anew
        await replay(spy, redis_url)
    entries = [fields for _, fields in await redis.xrange(streams.MARKET_TICKS)]
    assert entries[:60] == entries[60:]


async def test_orders_sent_before_the_start_are_filled_and_fills_come_before_their_tick(
    spy: Path, redis_url: str, redis: Any
) -> None:
    await send(redis, order(1, 3, side="BUY", quantity=10, stop_price=90))
    await replay(spy, redis_url)
    (fill,) = await fills(redis)
    assert fill.timestamp == START + timedelta(hours=4)
    (fill_entry, _), *_ = await redis.xrange(streams.MARKET_FILLS)
    tick_entry = next(
        entry_id
        for entry_id, fields in await redis.xrange(streams.MARKET_TICKS)
        if MarketTick.model_validate_json(fields[b"data"]).timestamp == fill.timestamp
    )
    assert _key(fill_entry) <= _key(tick_entry)


async def test_a_broken_order_is_answered_or_put_aside(spy: Path, redis_url: str, redis: Any) -> None:
    broken = {"order_id": str(UUID(int=7)), "symbol": "SPY", "side": "BUY"}
    await send(redis, json.dumps(broken | {"quantity": -1}))
    await send(redis, json.dumps(broken | {"order_id": str(UUID(int=8)), "quantity": float("nan")}))
    await send(redis, json.dumps({"quantity": 1}))
    await send(redis, "no json")
    await replay(spy, redis_url)
    rejections = await fills(redis)
    assert [rejection.order_id.int for rejection in rejections] == [7, 8]
    assert all("quantity" in rejection.reason for rejection in rejections)
    reasons = [fields[b"dead-reason"] for _, fields in await redis.xrange(streams.dead(streams.MARKET_ORDERS))]
    assert len(reasons) == 2
    assert b"order_id" in reasons[0]


async def test_a_replay_cut_short_goes_on_where_it_was(spy: Path, redis_url: str, redis: Any) -> None:
    await send(redis, order(1, 1, side="BUY", quantity=10, target_price=155))
    await replay(spy, redis_url, delay=0.02, stop_after=0.4)
    assert 5 < len(await ticks(redis)) < 40
    await replay(spy, redis_url)
    assert [tick.timestamp for tick in await ticks(redis)] == [START + timedelta(hours=hour) for hour in range(60)]
    bought, sold = await fills(redis)
    assert (bought.reason, sold.reason, sold.price) == ("order", "target", 155)


async def test_restart_begins_anew(spy: Path, redis_url: str, redis: Any) -> None:
    await replay(spy, redis_url, delay=0.02, stop_after=0.3)
    before = len(await ticks(redis))
    await replay(spy, redis_url, restart=True)
    assert len(await ticks(redis)) == before + 60


async def test_other_arguments_are_another_replay(spy: Path, redis_url: str, redis: Any) -> None:
    await replay(spy, redis_url, delay=0.02, stop_after=0.3)
    before = len(await ticks(redis))
    await replay(spy, redis_url, seed=1)
    assert len(await ticks(redis)) == before + 60


async def test_after_the_last_bar_the_venue_stays_until_every_reader_is_done(
    spy: Path, redis_url: str, redis: Any
) -> None:
    await redis.xgroup_create(streams.MARKET_TICKS, "desk", id="0", mkstream=True)
    running = asyncio.create_task(replay(spy, redis_url))
    while await redis.xlen(streams.MARKET_TICKS) < 60:
        await asyncio.sleep(0.01)
    await send(redis, order(1, 10, side="BUY", quantity=5))  # long after that bar went by
    await send(redis, order(2, 59, side="SELL", quantity=5))
    while len(await fills(redis)) < 2:
        await asyncio.sleep(0.01)
    assert not running.done()
    filled, refused = await fills(redis)
    assert filled.timestamp == START + timedelta(hours=11)
    assert refused.reason.startswith("no later bar")
    entries = (await redis.xreadgroup("desk", "me", {streams.MARKET_TICKS: ">"}, count=100))[0][1]
    await asyncio.sleep(0.6)
    assert not running.done()  # read is not finished
    await redis.xack(streams.MARKET_TICKS, "desk", *(entry_id for entry_id, _ in entries))
    await running


async def test_no_wait_ends_after_the_last_bar(spy: Path, redis_url: str, redis: Any) -> None:
    await redis.xgroup_create(streams.MARKET_TICKS, "desk", id="0", mkstream=True)
    await replay(spy, redis_url, no_wait=True)
    assert len(await ticks(redis)) == 60


async def test_a_loop_never_ends_and_time_never_goes_back(spy: Path, redis_url: str, redis: Any) -> None:
    await replay(spy, redis_url, loop=True, stop_after=0.3)
    times = [tick.timestamp for tick in await ticks(redis)]
    assert len(times) > 120
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


async def test_a_symbol_of_another_living_venue_is_left_to_it(spy: Path, redis_url: str, redis: Any) -> None:
    await redis.set("lease:sim.QQQ", "another instance")
    await send(redis, order(1, 1, side="BUY", quantity=1, symbol="QQQ"))
    await send(redis, order(2, 1, side="BUY", quantity=1, symbol="IWM"))
    await replay(spy, redis_url)
    (rejection,) = await fills(redis)
    assert (rejection.kind, rejection.symbol) == ("rejection", "IWM")


async def test_bars_come_at_their_speed(spy: Path, redis_url: str, redis: Any) -> None:
    started = time.monotonic()
    await replay(spy, redis_url, speed="100x")
    assert 0.5 < time.monotonic() - started < 3
    assert len(await ticks(redis)) == 60


def test_the_command_replays_the_bundled_bars_and_ends_with_0(redis_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "osiris_sim", "--speed", "max", "--from_date", "2017-12-29"]
    done = subprocess.run(
        [*command, "--redis_url", redis_url],
        check=False,
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    client = connect(redis_url)
    count = asyncio.run(client.xlen(streams.MARKET_TICKS))
    assert count == 22


def _key(entry_id: bytes) -> tuple[int, int]:
    milliseconds, sequence = entry_id.split(b"-")
    return int(milliseconds), int(sequence)


async def test_the_next_bar_waits_until_the_desk_has_finished_the_last(spy: Path, redis_url: str, redis: Any) -> None:
    await redis.xgroup_create(streams.MARKET_TICKS, "orchestrator", id="0", mkstream=True)
    running = asyncio.create_task(replay(spy, redis_url, stop_after=5))
    seen = []
    for _ in range(60):  # a desk that reads one bar at a time, and is slow with the fourth
        entries = []
        while not entries:
            entries = await redis.xread({streams.MARKET_TICKS: seen[-1] if seen else "0"}, block=1000)
        ((_, ((entry_id, _),)),) = entries  # one bar, never two
        seen.append(entry_id)
        if len(seen) == 4:
            await asyncio.sleep(0.5)
            assert await redis.xlen(streams.MARKET_TICKS) == 4
        await redis.xgroup_setid(streams.MARKET_TICKS, "orchestrator", entry_id)
    await asyncio.wait_for(running, 5)
    assert await redis.xlen(streams.MARKET_TICKS) == 60


async def test_without_a_pace_group_bars_wait_for_nobody(spy: Path, redis_url: str, redis: Any) -> None:
    await redis.xgroup_create(streams.MARKET_TICKS, "orchestrator", id="0", mkstream=True)
    await replay(spy, redis_url, pace_group="", no_wait=True)
    assert await redis.xlen(streams.MARKET_TICKS) == 60
