"""The stages: who is accepted, and where the others fail."""

from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.markets import blind, sighted, trending

from osiris_desk.backtest.control import shuffled
from osiris_dgm.archive.archive import Archive
from osiris_dgm.kernel import Kernel, outcome_of
from osiris_dgm.sandbox.bounds import Bounds
from osiris_dgm.statistics.holdout import Holdout
from osiris_dgm.verify.judge import STAGES, Judge
from osiris_dgm.verify.market import Market

BOUNDS = Bounds(cpu_seconds=60, answer_seconds=5.0, wall_seconds=120.0)


def judge_on(folder: Path, market: Market, limit: int = 5) -> Judge:
    return Judge(market, Holdout(folder / "holdout.json", market.digest, limit), bounds=BOUNDS)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.of("EURUSD", trending())


def test_an_edge_is_found_and_proven(tmp_path: Path, market: Market) -> None:
    verdict = judge_on(tmp_path, market).judge(sighted(), blind(), [0.0], 1)
    assert verdict.failed_at is None, verdict.why
    assert verdict.passed == STAGES
    proof = verdict.proof
    assert proof is not None
    assert proof.gain_high > proof.gain > proof.gain_low > 0
    assert proof.deflated_sharpe >= 0.95
    assert proof.control_gain_low is not None
    assert proof.control_gain_low <= 0
    assert proof.holdout_gain is not None
    assert proof.holdout_gain >= 0
    assert (proof.trials, proof.holdout_queries) == (2, 1)


def test_enough_trials_undo_it(tmp_path: Path, market: Market) -> None:
    scores = [0.4, -0.4] * 20  # what chance alone would show among them
    verdict = judge_on(tmp_path, market).judge(sighted(), blind(), scores, 5000)
    assert verdict.failed_at == "deflated"


def test_where_nobody_has_an_edge_nothing_is_accepted(tmp_path: Path) -> None:
    market = Market.of("EURUSD", shuffled(trending(), 3))
    verdict = judge_on(tmp_path, market).judge(sighted(), blind(), [0.0], 1)
    assert verdict.failed_at is not None


def test_a_spent_hold_out_accepts_nobody(tmp_path: Path, market: Market) -> None:
    verdict = judge_on(tmp_path, market, limit=0).judge(sighted(), blind(), [0.0], 1)
    assert verdict.failed_at == "holdout"
    assert "spent" in (verdict.why or "")


@pytest.mark.parametrize(
    ("old", "new", "stage"),
    [
        (b"return SIZE", b"return open('x')", "static"),
        (b"return SIZE", b"return SIZZE", "style"),
        (b"return SIZE", b"return 1 / 0", "contract"),
        (b"return SIZE", b"return float('nan')", "contract"),
        (b"return SIZE", b"return 2.0", "contract"),
        (b"return SIZE", b"return SIZE / (len(features.closes) != 25)", "short"),
        (b"STOP = 3.0", b"STOP = 3.0\nOTHER = 1", "train"),
    ],
)
def test_each_stage_stops_its_own(tmp_path: Path, market: Market, old: bytes, new: bytes, stage: str) -> None:
    parent = sighted()
    verdict = judge_on(tmp_path, market).judge(parent.replace(old, new), parent, [0.0], 1)
    assert (verdict.failed_at, verdict.passed) == (stage, STAGES[: STAGES.index(stage)]), verdict.why
    assert verdict.why


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 400"):
        Market.of("EURUSD", trending(300))


def test_the_parts_of_the_bars_do_not_overlap_and_leave_nothing_out(market: Market) -> None:
    parts = (*market.train, market.validation, market.holdout)
    assert sum(map(len, parts)) == 2400
    assert all(before.time[-1] < after.time[0] for before, after in pairwise(parts))


def test_equal_seeds_make_equal_archives_and_every_try_stays(tmp_path: Path, market: Market) -> None:
    found = []
    judge = judge_on(tmp_path, market)
    for name in ("one", "two"):
        kernel = Kernel(Archive(tmp_path / name), judge, sighted(), seed=3)
        kernel.open()
        for _ in range(4):
            record = kernel.generation()
            assert outcome_of(record).accepted == record.accepted
        found.append([record.version for record in Archive(tmp_path / name).records()])
    assert found[0] == found[1]
    assert len(set(found[0])) == 5
