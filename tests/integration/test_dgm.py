"""The kernel over a real Redis: nothing to do costs nothing, traces make tries, and a kill loses none."""

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.support.desk import services
from tests.support.markets import trending
from tests.support.metrics import told as metrics_of
from tests.support.processes import Process, until
from tests.support.serving import answer, serving

from osiris_azr_planner.kernel.memory import Memory
from osiris_contracts import (
    Decision,
    DgmOutcome,
    GenerateRequest,
    GenerateResult,
    PatchTask,
    ProposalOutcome,
    Trace,
    streams,
)
from osiris_desk.backtest import backtest
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_desk.policy.manifest import version_of
from osiris_desk.policy.shipped import code_of, shipped
from osiris_dgm import building
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.record import Record
from osiris_dgm.settings import DgmSettings
from osiris_mesh import Bus, Delivery
from osiris_mesh.connection import connect

pytestmark = pytest.mark.timeout(240)


WITHOUT_LANDLOCK = """
import errno, runpy, sys, pyseccomp
walls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
walls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "landlock_create_ruleset")
walls.load()
sys.argv = ["osiris_dgm", "--once"]
"""


def kernel_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "osiris_dgm", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def once(redis_url: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return kernel_command("--once", OSIRIS_REDIS_URL=redis_url, OSIRIS_HOME=str(home), **environment)


def write_csv(path: Path, bars: Bars) -> Path:
    rows = ["timestamp,open,high,low,close,volume"]
    for n in range(len(bars)):
        moment = dates.from_micros(int(bars.time[n])).isoformat()
        values = (getattr(bars, name)[n] for name in ("open", "high", "low", "close", "volume"))
        rows.append(",".join([moment, *(f"{value:.6f}" for value in values)]))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("bars") / "bars.csv", trending(800))


@pytest.fixture(scope="module")
def decision() -> Decision:
    decisions = backtest(shipped("trend"), {"EURUSD": trending(300)}).decisions
    return next(decision for decision in decisions if decision.status == "accepted")


def trace(decision: Decision, run: UUID, value: float = -0.1) -> Trace:
    outcome = ProposalOutcome(
        transaction_id=run,
        symbol=decision.symbol,
        decided_at=datetime(2024, 1, 1, tzinfo=UTC),
        observed_at=datetime(2024, 1, 2, tzinfo=UTC),
        horizon_bars=5,
        entry_close=100,
        exit_close=99,
        pnl=-1,
        fees=0.1,
        return_pct=value,
    )
    return Trace(decision=decision.model_copy(update={"run_id": run}), outcome=outcome)


async def outcomes(redis_url: str) -> list[DgmOutcome]:
    redis = connect(redis_url)
    entries = await redis.xrange(streams.DGM_OUTCOMES)
    await redis.aclose()
    return [DgmOutcome.model_validate_json(fields[b"data"]) for _, fields in entries]


async def test_once_with_nothing_to_learn_from_touches_nothing(redis_url: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    once(redis_url, home)  # whatever Python compiles
    began = time.monotonic()
    done = once(redis_url, home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 2 * (1 + os.getloadavg()[0] / (os.cpu_count() or 1))
    assert not home.exists()
    redis = connect(redis_url)
    assert await redis.dbsize() == 0
    await redis.aclose()


async def test_without_a_wall_no_candidate_runs_and_no_trace_is_lost(
    redis_url: str, tmp_path: Path, bars: Path, decision: Decision
) -> None:
    script = WITHOUT_LANDLOCK + "runpy.run_module('osiris_dgm', run_name='__main__', alter_sys=True)"
    told = {
        "OSIRIS_REDIS_URL": redis_url,
        "OSIRIS_HOME": str(tmp_path),
        "OSIRIS_DGM_BARS": str(bars),
    }
    async with Bus(redis_url, "test") as bus:
        await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script],
            env=os.environ | told,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 2, done.stderr
        assert "missing: landlock:" in done.stderr
        assert await bus.redis.exists(streams.dead(streams.POLICY_TRACES)) == 0
    assert len(Archive(tmp_path / "dgm" / "archive")) == 0
    assert once(redis_url, tmp_path, OSIRIS_DGM_BARS=str(bars)).returncode == 0
    assert len(Archive(tmp_path / "dgm" / "archive")) == 2


async def test_once_learns_tries_one_and_tells_it(
    redis_url: str, tmp_path: Path, bars: Path, decision: Decision
) -> None:
    async with Bus(redis_url, "test") as bus:
        await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
        await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()).model_copy(update={"decision": decision}))
        redis = bus.redis
        await redis.xadd(streams.POLICY_TRACES, {"data": "{no trace"})
        done = once(redis_url, tmp_path, OSIRIS_DGM_BARS=str(bars))
        assert done.returncode == 0, done.stderr
        assert await redis.xlen(streams.dead(streams.POLICY_TRACES)) == 1
    records = Archive(tmp_path / "dgm" / "archive").records()
    assert [record.number for record in records] == [0, 1]
    (told,) = await outcomes(redis_url)
    assert (told.candidate, told.parent) == (records[1].version, records[0].version)
    tree = kernel_command("--tree", OSIRIS_HOME=str(tmp_path))
    assert tree.stdout.splitlines()[0].startswith(f"{records[0].version}  root  accepted")
    assert once(redis_url, tmp_path).returncode == 0
    assert len(Archive(tmp_path / "dgm" / "archive")) == 2


async def test_the_planner_says_what_to_try_and_learns_what_came_of_it(
    redis_url: str, tmp_path: Path, bars: Path, decision: Decision
) -> None:
    with Process("azr_planner", redis_url, tmp_path, OSIRIS_AZR_PLANNER_LEAST_REWARD="0") as planner:
        await planner.ready()
        async with Bus(redis_url, "test") as bus:
            await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
            done = await asyncio.to_thread(
                once,
                redis_url,
                tmp_path,
                OSIRIS_DGM_BARS=str(bars),
                OSIRIS_DGM_HERMES_SHARE="0",
                OSIRIS_DGM_PLANNER_SECONDS="30",
            )
            assert done.returncode == 0, done.stderr
            (told,) = await outcomes(redis_url)
            assert told.scenario is not None
            assert told.episodes == 2

            async def learned() -> Memory | None:
                memory = Memory.from_json(await bus.redis.get("state:azr_planner"))
                return memory if memory.outcomes else None

            memory = await until(learned, what="the planner to learn")
    belief = memory.market(told.scenario.regime, told.scenario.level)
    assert belief.seen == told.episodes
    assert memory.change(told.part, told.kind).mean > 0


async def commented(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
    """A hermes that knows Python: the function it was asked for, with other words about it."""
    (policy,) = re.findall(r"```python\n(.*?)```", request.prompt, re.DOTALL)
    (name, _) = re.findall(r"function `(\w+)`", request.prompt)
    (function,) = [node for node in ast.parse(policy).body if isinstance(node, ast.FunctionDef) and node.name == name]
    words = ast.Expr(ast.Constant("As hermes would."))
    function.body = [words, *function.body[ast.get_docstring(function) is not None :]]
    return answer(f"Try this:\n```python\n{ast.unparse(function)}\n```\nGood luck.")


async def test_what_hermes_writes_is_judged(redis_url: str, tmp_path: Path, bars: Path, decision: Decision) -> None:
    async with serving(redis_url, commented), Bus(redis_url, "test") as bus:
        await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
        told = {"OSIRIS_DGM_BARS": str(bars), "OSIRIS_DGM_HERMES_SHARE": "1"}
        done = await asyncio.to_thread(once, redis_url, tmp_path, **told)
        assert done.returncode == 0, done.stderr
        (outcome,) = await outcomes(redis_url)
    archive = Archive(tmp_path / "dgm" / "archive")
    record = archive.records()[1]
    assert (record.made_by, record.version, outcome.kind) == ("hermes", outcome.candidate, "rewrite")
    assert b"As hermes would." in archive.code(record.version)
    assert record.failed_at == "train"  # it decides as its parent does, and earns no more


def canary(home: Path) -> None:
    """A version that was accepted, and decides one run in ten."""
    settings = DgmSettings(home=home)
    code = code_of("trend").replace(b"EXIT = 0.0", b"EXIT = 0.1")
    task = PatchTask(part="exit", kind="constant")
    record = Record(
        number=0, version=version_of(code), parents=(shipped("trend").version,), task=task, made_by="test", score=0.0
    )
    archive = Archive(settings.archive)
    archive.add(code, record)
    promoter = building.promoter(settings, archive)
    promoter.begin(datetime.now(UTC))
    promoter.passed_shadow(datetime.now(UTC))


async def test_what_is_tried_and_what_is_rolled_back_by_hand_are_metrics(
    redis_url: str, tmp_path: Path, bars: Path, decision: Decision
) -> None:
    canary(tmp_path)
    environment = {"OSIRIS_DGM_BARS": str(bars), "OSIRIS_DGM_TRACES_PER_GENERATION": "1"}
    async with Bus(redis_url, "test") as bus:
        with Process("dgm", redis_url, tmp_path, **environment) as kernel:
            await kernel.ready()

            async def so(name: str, value: float) -> dict[str, float]:
                async def found() -> dict[str, float] | None:
                    told = await metrics_of(bus.redis, "dgm")
                    return told if told.get(name) == value else None

                return await until(found, timeout=60, what=f"{name} to be {value}")

            assert (await so("osiris_dgm_stage{canary}", 1))["osiris_dgm_rolled_back"] == 0
            undone = kernel_command("--rollback", OSIRIS_REDIS_URL=redis_url, OSIRIS_HOME=str(tmp_path))
            assert undone.returncode == 0, undone.stderr
            await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
            told = await so("osiris_dgm_rolled_back", 1)
    assert (told["osiris_dgm_rollbacks_in_a_row"], told["osiris_dgm_promoted"]) == (1, 0)
    assert (told["osiris_dgm_stage{idle}"], told["osiris_dgm_stage{canary}"]) == (1, 0)
    assert told["osiris_dgm_generations_total"] == 1
    assert sum(value for name, value in told.items() if name.startswith("osiris_dgm_tried_total")) == 1


@pytest.mark.long
async def test_a_model_that_knows_no_python_does_no_harm(
    redis_url: str, tmp_path: Path, models_root: Path, bars: Path, decision: Decision
) -> None:
    async with services(redis_url, tmp_path, models_root, "hermes"), Bus(redis_url, "test") as bus:
        await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
        told = {"OSIRIS_DGM_BARS": str(bars), "OSIRIS_DGM_HERMES_SHARE": "1"}
        done = await asyncio.to_thread(once, redis_url, tmp_path, **told)
        assert done.returncode == 0, done.stderr
        answered = await bus.redis.xinfo_groups(streams.lane(streams.HERMES_REQUESTS, "batch"))
        assert [group["entries-read"] for group in answered] == [1]
    _, record = Archive(tmp_path / "dgm" / "archive").records()
    assert record.made_by in ("hermes", "mutators")


def test_redis_host_and_port_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSIRIS_REDIS_URL", raising=False)
    done = kernel_command("--once", REDIS_HOST="127.0.0.1", REDIS_PORT="1", OSIRIS_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
async def test_killed_at_any_moment_every_try_is_whole_and_told_once(
    redis_url: str, tmp_path: Path, bars: Path, decision: Decision
) -> None:
    environment = {"OSIRIS_DGM_BARS": str(bars), "OSIRIS_DGM_TRACES_PER_GENERATION": "1"}
    kernel = Process("dgm", redis_url, tmp_path, **environment)
    async with Bus(redis_url, "test") as bus:
        for number in range(6):
            with kernel:
                await bus.publish(streams.POLICY_TRACES, trace(decision, uuid4()))
                await until(lambda: _exists(tmp_path / "dgm"), timeout=60)
                await asyncio.sleep(0.4 + 0.6 * number)  # then kill -9, by leaving
            for folder in (tmp_path / "dgm" / "archive").glob("[!.]*"):
                assert {path.name for path in folder.iterdir()} == {"policy.py", "record.json"}
                json.loads((folder / "record.json").read_text())
        with kernel:
            await kernel.ready()

            async def done() -> bool:
                archive = Archive(tmp_path / "dgm" / "archive")
                idle = await bus.backlog(streams.POLICY_TRACES, "dgm") == 0
                return idle and len(archive) >= 2 and len(await outcomes(redis_url)) >= len(archive) - 1

            await until(done, timeout=90, what="what is owed to be done")
            assert kernel.terminate() == 0
    archive = Archive(tmp_path / "dgm" / "archive")
    assert [record.number for record in archive.records()] == list(range(len(archive)))
    assert not list((tmp_path / "dgm" / "archive").glob(".*"))
    told = {outcome.candidate for outcome in await outcomes(redis_url)}
    assert told == {record.version for record in archive.records() if record.task}


async def _exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)
