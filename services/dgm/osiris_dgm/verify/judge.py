"""Holds a candidate against its parent, stage by stage, on the same bars."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from osiris_desk.backtest import backtest
from osiris_desk.market.bars import Bars
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.policy.manifest import version_of
from osiris_desk.rules import Rules
from osiris_dgm.archive.record import Proof
from osiris_dgm.sandbox.bounds import Bounds
from osiris_dgm.sandbox.cell import Cell, Contained
from osiris_dgm.statistics.bootstrap import mean_interval
from osiris_dgm.statistics.holdout import Holdout, HoldoutSpent
from osiris_dgm.statistics.sharpe import deflated_sharpe, moments
from osiris_dgm.verify import contract, static
from osiris_dgm.verify.market import Market
from osiris_dgm.verify.static import Unfit

Floats = npt.NDArray[np.float64]

STAGES = ("static", "style", "contract", "short", "train", "validation", "deflated", "control", "holdout")
RAN = "contract"
"""Who passed this stage has been traded with, and counts as a trial."""

LEAST_DEFLATED = 0.95
KEPT = 1_000
"""Backtests remembered, the newest: a parent is asked for again and again."""
BOUNDS = Bounds(cpu_seconds=120, answer_seconds=2.0, wall_seconds=600.0)


class Verdict(NamedTuple):
    """How far a candidate came.

    Attributes:
        passed: stages, in order.
        failed_at: the stage it did not pass; None: accepted.
        why: in one line.
        score: Sharpe ratio per bar on validation, once measured.
        proof: what was measured there and after.
    """

    passed: tuple[str, ...]
    failed_at: str | None
    why: str | None
    score: float | None
    proof: Proof | None


class _Fails(Exception):
    """The stage is not passed."""


class Judge:
    """Judges candidates on one market.

    Args:
        market: the bars.
        holdout: counts the queries of the sealed ones.
        rules: the owner's.
        seed: of resampling.
        bounds: of a candidate's process.
    """

    def __init__(
        self, market: Market, holdout: Holdout, rules: Rules | None = None, seed: int = 0, bounds: Bounds = BOUNDS
    ) -> None:
        self.market = market
        self._holdout = holdout
        self._rules = rules or Rules()
        self._seed = seed
        self._bounds = bounds
        self._known: dict[tuple[str, str], Floats] = {}

    def judge(self, code: bytes, parent: bytes, trial_scores: Sequence[float], trials: int) -> Verdict:
        """Take a candidate through the stages until it fails one.

        Args:
            parent: code of the version it is paired with.
            trial_scores: of every trial measured before.
            trials: run before, measured or not.

        Raises:
            SandboxIncomplete: no candidate runs here.
        """
        trial = _Trial(self, code, parent, trial_scores, trials + 1)
        passed: list[str] = []
        try:
            for stage in STAGES:
                getattr(trial, f"_{stage}")()
                passed.append(stage)
        except (_Fails, Unfit, Contained, HoldoutSpent) as error:
            return Verdict(tuple(passed), STAGES[len(passed)], str(error)[:500], trial.score, trial.proof)
        finally:
            trial.close()
        return Verdict(tuple(passed), None, None, trial.score, trial.proof)

    def root(self, code: bytes) -> Verdict:
        """Score a version that has no parent; it has to earn nothing, only to run."""
        trial = _Trial(self, code, code, (), 1)
        try:
            for stage in ("static", "style", "contract", "short"):
                getattr(trial, f"_{stage}")()
            score = moments(trial.returns(self.market.validation)).sharpe
        finally:
            trial.close()
        return Verdict(STAGES[: STAGES.index("train")], None, None, score, None)

    def returns(self, code: bytes, bars: Bars, cell: Cell | None = None) -> Floats:
        """Returns per bar of a policy, computed once for each; with a cell of its own unless one is given.

        Raises:
            Contained: it was ended, or raised an exception.
        """
        key = (version_of(code), bars.digest())
        if key not in self._known:
            if cell is None:
                with Cell(code, self._bounds) as own:
                    return self.returns(code, bars, own)
            result = backtest(LoadedPolicy(key[0], cell), {self.market.symbol: bars}, self._rules)
            if cell.failure or cell.errors:
                raise Contained(cell.failure or cell.errors[0])
            if len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = result.returns
        return self._known[key]

    def earned(self, code: bytes, bars: Bars) -> float:
        """Sum of the returns on bars that prove nothing; -inf for a version that is not fit to run, or was ended.

        Raises:
            SandboxIncomplete: no candidate runs here.
        """
        try:
            static.check(code)
            return float(self.returns(code, bars).sum())
        except (Unfit, Contained):
            return -math.inf

    def gain(self, code: bytes, parent: bytes, bars: Sequence[Bars], cell: Cell) -> Floats:
        """Paired differences per bar."""
        return np.concatenate([self.returns(code, part, cell) - self.returns(parent, part) for part in bars])


class _Trial:
    """One candidate on its way through the stages; a method a stage."""

    def __init__(self, judge: Judge, code: bytes, parent: bytes, trial_scores: Sequence[float], trials: int) -> None:
        self._judge, self._code, self._parent = judge, code, parent
        self._scores, self._trials = trial_scores, trials
        self._cell: Cell | None = None
        self.score: float | None = None
        self.proof: Proof | None = None

    def close(self) -> None:
        if self._cell:
            self._cell.close()

    def returns(self, bars: Bars) -> Floats:
        return self._judge.returns(self._code, bars, self._cell)

    def _gain(self, *bars: Bars) -> Floats:
        if self._cell is None:
            raise RuntimeError("expected the contract stage before those that trade")
        return self._judge.gain(self._code, self._parent, bars, self._cell)

    def _static(self) -> None:
        static.check(self._code)

    def _style(self) -> None:
        score = static.score(self._code)
        if score < static.LEAST_SCORE:
            raise _Fails(f"expected a score of at least {static.LEAST_SCORE} from ruff, was {score:.1f}")

    def _contract(self) -> None:
        self._cell = Cell(self._code, self._judge._bounds)
        contract.check(self._cell)

    def _short(self) -> None:
        self.returns(self._judge.market.short)

    def _train(self) -> None:
        gain = self._gain(*self._judge.market.train)
        if not gain.any():
            raise _Fails("expected decisions that differ from the parent's, there were none on the training bars")
        if gain.mean() <= 0:
            raise _Fails(f"expected a gain on the training bars, was {gain.mean():+.3g} a bar")

    def _validation(self) -> None:
        judge, market = self._judge, self._judge.market
        of = moments(self.returns(market.validation))
        gain = mean_interval(self._gain(market.validation), seed=judge._seed)
        scores = [*self._scores, of.sharpe]
        variance = float(np.var(scores, ddof=1)) if len(scores) > 1 else 0.0
        self.score = of.sharpe
        self.proof = Proof(
            bars_sha256=market.digest,
            seed=judge._seed,
            score=of.sharpe,
            gain=gain.mean,
            gain_low=gain.low,
            gain_high=gain.high,
            deflated_sharpe=deflated_sharpe(of, self._trials, variance),
            trials=self._trials,
            trial_variance=variance,
            holdout_queries=judge._holdout.asked,
        )
        if gain.low <= 0:
            raise _Fails(f"expected a gain above 0 at 95 % confidence, was {gain.low:+.3g} to {gain.high:+.3g} a bar")

    def _deflated(self) -> None:
        deflated = self._proven.deflated_sharpe
        if deflated < LEAST_DEFLATED:
            raise _Fails(
                f"expected a deflated Sharpe ratio of {LEAST_DEFLATED}, was {deflated:.3f} in {self._trials} trials"
            )

    def _control(self) -> None:
        low = mean_interval(self._gain(self._judge.market.control), seed=self._judge._seed).low
        self.proof = self._proven.model_copy(update={"control_gain_low": low})
        if low > 0:
            raise _Fails(f"expected no gain where nobody has an edge, was at least {low:+.3g} a bar")

    def _holdout(self) -> None:
        asked = self._judge._holdout.spend()
        gain = float(self._gain(self._judge.market.holdout).mean())
        self.proof = self._proven.model_copy(update={"holdout_gain": gain, "holdout_queries": asked})
        if gain < 0:
            raise _Fails("expected to be no worse on the sealed hold-out")  # how much stays sealed

    @property
    def _proven(self) -> Proof:
        if self.proof is None:
            raise RuntimeError("expected the validation stage before those that prove")
        return self.proof
