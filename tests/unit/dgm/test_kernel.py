"""A generation killed at each of its steps: the store is whole, and the step is done again with the same dice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from osiris_dgm.archive.archive import Archive

RUN = """
import os, signal, sys
from pathlib import Path
from osiris_dgm.archive.archive import Archive
from osiris_dgm.kernel import Kernel
from osiris_dgm.statistics.holdout import Holdout
from osiris_dgm.verify.judge import Judge
from osiris_dgm.verify.market import Market
from tests.support.markets import sighted, trending

folder, kill_at = Path(sys.argv[1]), sys.argv[2]

def step(name):
    if name == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

def die_at_rename(self, target):
    os.kill(os.getpid(), signal.SIGKILL)

if kill_at == "rename":
    Path.rename = die_at_rename
market = Market.of("EURUSD", trending(420))
kernel = Kernel(Archive(folder / "archive"), Judge(market, Holdout(folder / "h.json", market.digest, 9)), sighted(),
                seed=5, step=step)
kernel.open()
kernel.generation()
"""


def run(folder: Path, kill_at: str = "never") -> int:
    command = [sys.executable, "-c", RUN, str(folder), kill_at]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(command, check=False, timeout=60, env=environment).returncode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run(folder) == 0
    return [record.version for record in Archive(folder / "archive").records()]


@pytest.mark.parametrize("step", ["root", "judge", "keep", "rename", "kept"])
def test_killed_at_a_step_it_is_redone(step: str, tmp_path: Path, undisturbed: list[str]) -> None:
    assert run(tmp_path, step) == -9
    whole = [path for path in (tmp_path / "archive").glob("[!.]*") if path.is_dir()]
    assert all({each.name for each in path.iterdir()} == {"policy.py", "record.json"} for path in whole)
    if step != "kept":
        assert run(tmp_path) == 0
    archive = Archive(tmp_path / "archive")
    archive.clean()
    assert [record.version for record in archive.records()] == undisturbed
    assert not list((tmp_path / "archive").glob(".*"))
