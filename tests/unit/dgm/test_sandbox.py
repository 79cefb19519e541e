"""The candidate's cell: what a policy decides in it, and what no code gets out of it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.dgm.hostile_candidates import ATTACKS, hostile

from osiris_desk.backtest import backtest
from osiris_desk.market import csv_file
from osiris_desk.market.bundled import bundled_csv
from osiris_desk.policy import Features
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.policy.shipped import code_of, shipped
from osiris_dgm.sandbox.bounds import Bounds
from osiris_dgm.sandbox.cell import CandidateFailed, Cell, Contained

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

QUICK = Bounds(cpu_seconds=2, answer_seconds=0.5, wall_seconds=5)

FEATURES = Features(
    symbol="EURUSD",
    bars=5,
    open=1.0,
    high=1.2,
    low=0.9,
    close=1.1,
    volume=1e6,
    closes=tuple(1 + 0.01 * n for n in range(20)),
    run_return=0.1,
    history_return=0.19,
    volatility=0.01,
    range_place=0.7,
    quantity=0.0,
    average_cost=0.0,
    stop_price=None,
    target_price=None,
    unrealised_pnl=0.0,
    exposure=0.0,
    nav=1e5,
    daily_pnl=0.0,
)


def test_a_policy_in_its_cell_decides_as_it_does_outside() -> None:
    bars = csv_file.read(bundled_csv()).bars.where(slice(0, 1500))
    trend = shipped("trend")
    with Cell(code_of("trend")) as cell:
        inside = backtest(LoadedPolicy(trend.version, cell), {"EURUSD": bars})
    assert inside.fills
    assert inside.decisions == backtest(trend, {"EURUSD": bars}).decisions


def test_the_thirty_are_at_least_thirty() -> None:
    assert len(ATTACKS) >= 30


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A path that anybody may write, whose folder anybody may enter."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    return tmp_path / "victim"


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_candidate_is_contained(name: str, victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "s3cret")
    monkeypatch.setenv("OSIRIS_TOKEN", "s3cret")
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    door = socket.create_server(("127.0.0.1", 0))
    door.setblocking(False)
    try:
        with Cell(hostile(name, str(victim), door.getsockname()[1], os.getpid()), QUICK) as cell:
            for _ in range(2):  # what the first left behind shows at the second
                try:
                    if cell.prompt(FEATURES) is None:
                        assert cell.decide(FEATURES, None).side != "LONG", "the attack went through"
                except (CandidateFailed, Contained):
                    continue
        with pytest.raises(BlockingIOError):
            door.accept()
    finally:
        door.close()
        signal.signal(signal.SIGUSR1, before)
    assert not heard
    assert not victim.exists()
    for left in ("disk", "answers", "folder"):
        assert not Path(f"/tmp/osiris-dgm-{left}").exists()


@pytest.mark.parametrize("name", ["file read", "file write", "own proc", "environment", "list of the root", "fork"])
def test_the_attack_goes_through_where_there_are_no_walls(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = hostile(name, str(tmp_path / "victim")).decode()
    script = f"{code}\nimport os\nos._exit(0 if attack(None) or os.getppid() != {os.getpid()} else 1)\n"
    monkeypatch.setenv("MY_SECRET", "s3cret")
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=20).returncode == 0


def test_an_answer_that_is_no_number_ends_the_candidate() -> None:
    code = code_of("trend").replace(b"return SIZE", b"return float('nan')")
    with Cell(code, QUICK) as cell:
        with pytest.raises(Contained, match="finite"):
            cell.prompt(FEATURES)
        with pytest.raises(Contained, match="finite"):
            cell.prompt(FEATURES)


def test_an_exception_is_an_answer_and_the_next_question_gets_its_own() -> None:
    code = code_of("trend").replace(b"return SIZE", b"return SIZE / (features.nav - 1)")
    with Cell(code, QUICK) as cell:
        with pytest.raises(CandidateFailed, match="ZeroDivisionError"):
            cell.prompt(FEATURES._replace(nav=1.0))
        assert cell.prompt(FEATURES) is None
        assert len(cell.errors) == 1


def test_code_that_is_no_policy_is_refused() -> None:
    with pytest.raises(Contained, match="define the function"):
        Cell(b"x = 1\n", QUICK)


NO_WALL = """
import errno, sys, pyseccomp
from osiris_dgm.sandbox.cell import Cell, SandboxIncomplete
from osiris_desk.policy.shipped import code_of
walls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for name in sys.argv[1:]:
    walls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), name)
if "seccomp" in sys.argv:  # what libseccomp turns to then: PR_SET_SECCOMP
    walls.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "prctl", pyseccomp.Arg(0, pyseccomp.EQ, 22))
walls.load()
try:
    Cell(code_of("trend"))
except SandboxIncomplete as error:
    print(error)
"""


def run_without(*syscalls: str) -> str:
    command = [sys.executable, "-c", NO_WALL, *syscalls]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.parametrize(
    ("layer", "syscalls"),
    [("landlock", ["landlock_create_ruleset"]), ("seccomp", ["seccomp"]), ("rlimits", ["prlimit64", "setrlimit"])],
)
def test_a_kernel_without_a_layer_runs_no_candidate_and_says_which(layer: str, syscalls: list[str]) -> None:
    assert f"missing: {layer}:" in run_without(*syscalls)


def test_a_machine_without_libseccomp_is_told_what_is_missing() -> None:
    script = (
        "import ctypes.util; ctypes.util.find_library = lambda name: None\n"
        "from osiris_dgm.sandbox import bounds, layers; print(layers.raise_all(bounds.Bounds()))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30)
    assert "'libseccomp: " in done.stdout


def test_root_that_stays_within_reach_is_a_missing_layer() -> None:
    if os.getuid() != 0:
        pytest.skip("only root has a user id to give up")
    assert "missing: user id:" in run_without("setresuid")
