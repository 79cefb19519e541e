"""Services as real child processes: restarted, drained, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_cli.supervisor import Backoff, Service, State, Supervisor

QUICK = Backoff(first=0.05, ceiling=0.2, reset_after=60)


def shell(name: str, script: str, **options: object) -> Service:
    return Service(name, ("sh", "-c", script), **options)  # type: ignore[arg-type]


async def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def test_the_wait_doubles_from_half_a_second_to_thirty() -> None:
    assert [Backoff().delay(failures) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.integers(min_value=1, max_value=10_000))
def test_the_wait_never_shrinks_nor_passes_its_ceiling(failures: int) -> None:
    backoff = Backoff()
    assert backoff.first <= backoff.delay(failures) <= backoff.delay(failures + 1) <= backoff.ceiling


async def test_a_service_that_dies_is_restarted_after_longer_and_longer_waits(tmp_path: Path) -> None:
    births = tmp_path / "births"
    service = shell("mortal", f"date +%s.%N >> {births}; exit 7")
    async with Supervisor([service], logs=tmp_path, backoff=QUICK) as supervisor:
        await until(lambda: births.exists() and len(births.read_text().split()) == 4)
        assert supervisor.statuses["mortal"].exit_code == 7
        assert supervisor.statuses["mortal"].restarts == 3
    times = [float(line) for line in births.read_text().split()]
    waits = [after - before for before, after in pairwise(times)]
    assert all(wait >= expected for wait, expected in zip(waits, [0.05, 0.1, 0.2], strict=True))


async def test_a_service_that_lived_long_starts_over_at_the_shortest_wait(tmp_path: Path) -> None:
    backoff = Backoff(first=0.01, ceiling=60, reset_after=0.05)
    async with Supervisor([shell("steady", "sleep 0.1; exit 1")], logs=tmp_path, backoff=backoff) as supervisor:
        await until(lambda: supervisor.statuses["steady"].restarts >= 4)
        assert supervisor.statuses["steady"].failures == 1


async def test_a_one_shot_that_ends_well_is_completed(tmp_path: Path) -> None:
    services = [
        shell("sim", "exit 0", restart="on-failure"),
        shell("flaky", f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; exit 1; }}", restart="on-failure"),
        shell("server", "exit 0"),
    ]
    async with Supervisor(services, logs=tmp_path, backoff=QUICK) as supervisor:
        await until(lambda: supervisor.statuses["flaky"].state is State.COMPLETED)
        await until(lambda: supervisor.statuses["server"].restarts >= 2)
        assert supervisor.statuses["sim"].state is State.COMPLETED
        assert supervisor.statuses["sim"].restarts == 0
        assert supervisor.statuses["flaky"].restarts == 1


async def test_stopping_lets_services_drain_and_ends_those_that_will_not(tmp_path: Path) -> None:
    drain = f"sleep 0.2; echo drained > {tmp_path}/polite; exit 0"
    loop = "touch {ready}; while :; do sleep 0.02; done"
    services = [
        shell("polite", f"trap '{drain}' TERM; {loop.format(ready=tmp_path / 'ready-1')}"),
        shell("stubborn", f"trap '' TERM; sleep 60 & {loop.format(ready=tmp_path / 'ready-2')}"),
    ]
    async with Supervisor(services, logs=tmp_path, drain_seconds=1) as supervisor:
        await until(lambda: len(list(tmp_path.glob("ready-*"))) == 2)
        family = [pid for status in supervisor.statuses.values() for pid in _family(status.pid)]
        assert len(family) > len(services)
        started = time.monotonic()
    assert 0.9 < time.monotonic() - started < 5
    assert (tmp_path / "polite").read_text() == "drained\n"
    await until(lambda: _alive(family) == [])
    assert {status.state for status in supervisor.statuses.values()} == {State.STOPPED}
    assert supervisor.statuses["stubborn"].exit_code == -signal.SIGKILL


async def test_hurry_cuts_the_drain_short(tmp_path: Path) -> None:
    hurry = asyncio.Event()
    service = shell("stubborn", f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.02; done")
    async with Supervisor([service], logs=tmp_path, drain_seconds=60, hurry=hurry) as supervisor:
        await until((tmp_path / "ready").exists)
        hurry.set()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert supervisor.statuses["stubborn"].exit_code == -signal.SIGKILL


async def test_a_service_that_waits_to_be_restarted_stops_at_once(tmp_path: Path) -> None:
    slow = Backoff(first=60, ceiling=60)
    async with Supervisor([shell("mortal", "exit 1")], logs=tmp_path, backoff=slow) as supervisor:
        await until(lambda: supervisor.statuses["mortal"].state is State.WAITING)
        started = time.monotonic()
    assert time.monotonic() - started < 1


async def test_a_service_is_ready_when_it_says_so(tmp_path: Path) -> None:
    seen: list[State] = []

    async def ready(started: float) -> bool:
        assert started <= time.time()
        return (tmp_path / "ready").exists()

    service = shell("phi3", f"sleep 0.3; touch {tmp_path}/ready; sleep 60", ready=ready)
    async with Supervisor([service], logs=tmp_path, on_change=lambda status: seen.append(status.state)) as supervisor:
        await until(lambda: supervisor.statuses["phi3"].state is State.READY)
        assert (tmp_path / "ready").exists()
    assert seen == [State.STARTING, State.READY, State.STOPPED]


async def test_a_service_waits_with_its_start_for_those_it_comes_after(tmp_path: Path) -> None:
    async def ready(_: float) -> bool:
        return (tmp_path / "loaded").exists()

    services = [shell("phi3", "sleep 60", ready=ready), shell("tts", "sleep 60", after=("phi3",))]
    async with Supervisor(services, logs=tmp_path) as supervisor:
        await until(lambda: supervisor.statuses["phi3"].pid)
        await asyncio.sleep(0.3)
        assert supervisor.statuses["tts"].pid is None
        (tmp_path / "loaded").touch()
        await until(lambda: supervisor.statuses["tts"].state is State.READY)
    never = [shell("phi3", "sleep 60", ready=ready), shell("tts", "sleep 60", after=("phi3",))]
    (tmp_path / "loaded").unlink()
    async with Supervisor(never, logs=tmp_path) as supervisor:
        await until(lambda: supervisor.statuses["phi3"].pid)
    assert supervisor.statuses["tts"].state is State.STOPPED


async def test_what_a_service_says_goes_to_its_log_and_a_grown_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "phi3.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    async with Supervisor([shell("phi3", "echo out; echo err >&2; sleep 60")], logs=log.parent):
        await until(lambda: log.exists() and log.read_text() == "out\nerr\n")
    assert log.with_name("phi3.log.1").stat().st_size > 10 * 1024 * 1024


async def test_a_program_that_is_not_there_is_told_in_the_log_and_tried_again(tmp_path: Path) -> None:
    service = Service("ghost", ("/nowhere/ghost",))
    async with Supervisor([service], logs=tmp_path, backoff=QUICK) as supervisor:
        await until(lambda: supervisor.statuses["ghost"].restarts >= 1)
        assert supervisor.statuses["ghost"].exit_code == 127
    assert "cannot start /nowhere/ghost: No such file or directory" in supervisor.log_of("ghost").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_no_service_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from osiris_cli.supervisor import Service, Supervisor
async def main():
    stubborn = "trap '' TERM INT HUP; while :; do sleep 0.02; done"
    services = [Service(name, ("sh", "-c", stubborn)) for name in ("phi3", "hermes")]
    async with Supervisor(services, logs=Path(sys.argv[1])) as supervisor:
        while not all(status.pid for status in supervisor.statuses.values()):
            await asyncio.sleep(0.01)
        print(*(status.pid for status in supervisor.statuses.values()), flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(_alive(pids)) == 2
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 3
    while _alive(pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _alive(pids) == []


def _family(pid: int | None) -> list[int]:
    leader = psutil.Process(pid)
    return [leader.pid, *(child.pid for child in leader.children(recursive=True))]


def _alive(pids: list[int]) -> list[int]:
    """Those that run; one that is dead but not yet collected by init does not."""
    alive = []
    for pid in pids:
        try:
            os.kill(pid, 0)
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.append(pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return alive
