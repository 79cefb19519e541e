"""The history checker itself, for half a minute: a whole desk, killed some ten times, keeps every promise."""

from pathlib import Path

import pytest
from tests.chaos.history.__main__ import judge_file
from tests.chaos.history.run import Plan, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("chaos")]


async def test_a_desk_under_fire_keeps_its_promises(tmp_path: Path) -> None:
    told: list[str] = []
    path = await run(Plan(seed=4, minutes=0.5, kills_a_minute=24), tmp_path / "run", told.append)
    verdict = judge_file(path)
    assert verdict.violations == [], told[-1]
    assert verdict.counts["kills"] >= 8
    assert verdict.counts["acknowledged"] >= 100
    assert verdict.counts["decisions"] >= 3
    assert verdict.counts["dead"] >= 1
