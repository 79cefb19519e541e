"""A policy that looks ahead is found; the shipped ones do not."""

from collections.abc import Mapping

import numpy as np
import pytest
from tests.support.policies import variant
from tests.unit.desk.bars import bars_of, walk

from osiris_desk.backtest.lookahead import look_for_peeks
from osiris_desk.market.bars import Bars
from osiris_desk.policy import Features, Intent
from osiris_desk.policy.loading import LoadedPolicy, load
from osiris_desk.policy.shipped import TREND, shipped

BARS = {"SPY": walk(5, 400)}


def test_the_shipped_policy_does_not_look_ahead() -> None:
    looked = look_for_peeks(lambda _: shipped(TREND), BARS | {"QQQ": walk(6, 300)}, cuts=5)
    assert looked.peek is None
    assert looked.decisions > 100


class Peeking:
    """Holds the bars it is tried on, and goes with the next one."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._policy = shipped(TREND).policy
        self.limits, self.prompt, self.critique = self._policy.limits, self._policy.prompt, self._policy.critique

    def decide(self, features: Features, proposed: Intent | None) -> Intent:
        now = int(np.flatnonzero(self._bars.close == features.close)[0])
        rises = now + 1 < len(self._bars) and self._bars.close[now + 1] > features.close
        return Intent("adjust", "LONG" if rises else "SHORT", 0.5, None, None, "I know.")


def test_a_planted_peek_is_found() -> None:
    def planted(bars: Mapping[str, Bars]) -> LoadedPolicy:
        return LoadedPolicy("0" * 16, Peeking(bars["SPY"]))

    looked = look_for_peeks(planted, BARS, cuts=50)
    assert looked.peek is not None
    before, after = looked.peek.before, looked.peek.after
    assert after is not None
    assert before.proposal.side == "LONG" and after.proposal.side == "SHORT", "it did not know any more"


STEALING = variant(
    "import math\n",
    """import math
import sys


def _stolen(features):
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_venues"):
        frame = frame.f_back
    tape = frame.f_locals["self"]._venues["SPY"]._tape
    return tape.bars.close[-1] > features.close
""",
).replace(b"if strength(features) > ENTRY:", b"if _stolen(features):")
"""Looks through the frames of its caller for the bars that come."""


def test_code_that_steals_the_future_from_its_caller_is_found() -> None:
    looked = look_for_peeks(lambda _: load(STEALING, "0" * 16), BARS, cuts=5)
    assert looked.peek is not None


def test_cuts_are_at_random_bars_but_the_same_for_a_seed() -> None:
    def planted(bars: Mapping[str, Bars]) -> LoadedPolicy:
        return LoadedPolicy("0" * 16, Peeking(bars["SPY"]))

    first, again = (look_for_peeks(planted, BARS, cuts=50, seed=4) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("count", [1, 2, 4])
def test_bars_too_few_to_cut_are_no_peek(count: int) -> None:
    assert look_for_peeks(lambda _: shipped(TREND), {"SPY": bars_of([100.0] * count)}, cuts=3).peek is None
