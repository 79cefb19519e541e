"""The desk on real bars, with the real models: how many runs, what is kept, what a restart and a replay do."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.desk import services
from tests.support.processes import Process, until

from osiris_contracts import Decision, Fill, MarketTick, ProposalOutcome, streams
from osiris_desk import answers
from osiris_desk.backtest import Recorded, backtest
from osiris_desk.market import dates
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv
from osiris_desk.market.csv_file import read
from osiris_desk.market.ticks import ticks_of
from osiris_desk.policy.shipped import shipped
from osiris_desk.state import State
from osiris_mesh import DeadLetters
from osiris_mesh.connection import connect
from osiris_mesh.envelope import parse
from osiris_store import Table

LAST_BAR = "2017-01-02 11:00"

pytestmark = pytest.mark.xdist_group("models")


def ticks(count: int) -> list[MarketTick]:
    """The first bars of the bundled file."""
    made = ticks_of(read(bundled_csv()).bars, BUNDLED_SYMBOL, 0)[:count]
    return [MarketTick.model_validate_json(tick.json) for tick in made]


async def decisions(redis: Any) -> list[Decision]:
    entries = await redis.xrange(streams.ADVICE_GENERATED)
    return [Decision.model_validate_json(parse(fields).data) for _, fields in entries]


async def decided(redis: Any, count: int) -> list[Decision]:
    async def enough() -> Any:
        return await redis.xlen(streams.ADVICE_GENERATED) >= count

    await until(enough, timeout=90, what=f"{count} decisions")
    return await decisions(redis)


async def test_12_ticks_at_5_a_run_are_2_runs_and_2_kept(redis_url: str, tmp_path: Path, models_root: Path) -> None:
    redis = connect(redis_url)
    for tick in ticks(12):
        await redis.xadd(streams.MARKET_TICKS, {"data": tick.model_dump_json()})
    await redis.xadd(streams.MARKET_TICKS, {"data": '{"symbol":"EURUSD","close":NaN}'})
    home = tmp_path / "home"
    environment = {"OSIRIS_ORCHESTRATOR_FILL_TIMEOUT_SECONDS": "0.2"}  # no venue here
    names = ("phi3", "hermes", "trainer", "orchestrator")
    async with services(redis_url, home, models_root, *names, **environment) as desk:
        found = await decided(redis, 2)

        async def all_read() -> bool:
            return bool(await DeadLetters(redis).list(streams.MARKET_TICKS))

        await until(all_read)
        assert [each.sequence for each in found] == [1, 2]
        assert [each.bars.count for each in found] == [5, 5]
        assert found[0].status in ("accepted", "passed", "rejected")
        state = State.from_json(await redis.get("state:orchestrator"))
        assert len(state.windows[BUNDLED_SYMBOL].bars) == 2

        table = await Table.open(home / "data" / "lancedb", "runs", _runs_schema())

        async def stored() -> bool:
            return await table.count() == 2

        await until(stored, what="2 rows in LanceDB")
        assert {row["id"] for row in await table.rows()} == {str(each.run_id) for each in found}
        desk["orchestrator"].kill()
        desk["orchestrator"].start()
        await desk["orchestrator"].ready()
        for tick in ticks(15)[12:]:
            await redis.xadd(streams.MARKET_TICKS, {"data": tick.model_dump_json()})
        known = await decided(redis, 3)
        assert [each.sequence for each in known] == [1, 2, 3]
        told = [
            ProposalOutcome.model_validate_json(parse(fields).data)
            for _, fields in await redis.xrange(streams.OUTCOME_OBSERVED)
        ]
        # of the first two, five bars later; also across the kill
        acted_on = [each.run_id for each in known[:2] if each.status in ("accepted", "passed")]
        assert [each.transaction_id for each in told] == acted_on
        assert all(each.horizon_bars == 5 for each in told)
    await redis.aclose()


def _runs_schema() -> Any:
    from osiris_orchestrator.rows import RUNS

    return RUNS


async def test_a_model_that_is_away_is_a_failed_run_and_the_loop_goes_on(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    for tick in ticks(10):
        await redis.xadd(streams.MARKET_TICKS, {"data": tick.model_dump_json()})
    with Process("orchestrator", redis_url, tmp_path, OSIRIS_ORCHESTRATOR_MODEL_TIMEOUT_SECONDS="0.5"):
        found = await decided(redis, 2)
    await redis.aclose()
    assert [each.status for each in found] == ["failed", "failed"]
    assert all(each.error and "deadline_exceeded" in each.error for each in found)
    assert all(each.order is None for each in found)


async def replayed(
    url: str, home: Path, models: Path, *options: str, **environment: str
) -> tuple[list[bytes], list[bytes]]:
    """What a whole desk decides and what the venue fills, on the first bars of the bundled file."""
    redis = connect(url)
    await redis.flushall()
    await redis.xgroup_create(streams.MARKET_TICKS, "orchestrator", id="0", mkstream=True)
    async with services(url, home, models, "phi3", "hermes", "orchestrator", **environment):
        arguments = ("--to_date", LAST_BAR, *options)
        with Process("sim", url, home, *arguments) as sim:
            await decided(redis, 2)
            assert sim.wait(30) == 0, sim.log()
    advice = [fields[b"data"] for _, fields in await redis.xrange(streams.ADVICE_GENERATED)]
    fills = [fields[b"data"] for _, fields in await redis.xrange(streams.MARKET_FILLS)]
    await redis.aclose()
    return advice, fills


@pytest.mark.long
async def test_a_replay_and_a_backtest_decide_alike_byte_for_byte_at_any_speed(
    redis_url: str, tmp_path: Path, models_root: Path
) -> None:
    recording = tmp_path / "answers.jsonl"
    records = {"OSIRIS_ORCHESTRATOR_RECORD": str(recording)}
    fast = await replayed(redis_url, tmp_path / "fast", models_root, "--speed", "max", **records)
    slow = await replayed(redis_url, tmp_path / "slow", models_root, "--speed", "20x")
    assert fast == slow
    advice, fills = fast
    assert len(advice) == 2
    assert any(json.loads(each)["order"] for each in advice)
    assert all(Fill.model_validate_json(each).timestamp for each in fills)
    assert fills
    bars = read(bundled_csv()).bars.between(None, dates.parse(LAST_BAR))
    again = backtest(shipped(), {BUNDLED_SYMBOL: bars}, models=Recorded(answers.read(recording)))
    assert [each.model_dump_json().encode() for each in again.decisions] == advice
    assert [each.model_dump_json().encode() for each in again.fills] == fills
