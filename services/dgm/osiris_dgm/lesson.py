"""What the planner would have tried, on which synthetic market, and what today's policy earns there."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from osiris_contracts import KernelPlan, PatchTask
from osiris_desk.market.bars import Bars
from osiris_dgm.bars import bars_of

BARS = 400
"""Of a market, asked of the planner."""

EPISODES = 2
"""Tries of today's policy there: the planner takes a market for learnable that is won in about one of two."""

CHOICES = 4
"""Changes tried there; the best of them is judged."""

Earned = Callable[[bytes, Bars], float]
"""Sum of the returns of a policy on bars, after fees; -inf for one that cannot trade."""


class Lesson(NamedTuple):
    """A task, and the bars of its scenario; None: the planner named no market."""

    task: PatchTask
    bars: Bars | None

    @classmethod
    def of(cls, plan: KernelPlan) -> "Lesson | None":
        """What a plan asks for; None for NOP."""
        if not isinstance(plan.task, PatchTask):
            return None
        enough = plan.task.scenario is not None and len(plan.bars) >= EPISODES
        return cls(plan.task, bars_of(plan.bars) if enough else None)

    def wins(self, code: bytes, earned: Earned) -> int:
        """In how many of EPISODES, equal parts of its bars, a policy ends with a gain after fees."""
        if self.bars is None:
            return 0
        cuts = np.linspace(0, len(self.bars), EPISODES + 1, dtype=int)
        parts = [self.bars.where(slice(cuts[n], cuts[n + 1])) for n in range(EPISODES)]
        return sum(earned(code, part) > 0 for part in parts)

    def best(self, codes: Sequence[bytes], earned: Earned) -> int:
        """Which of `codes` earns most there; of equal ones the first."""
        bars = self.bars
        return 0 if bars is None else max(range(len(codes)), key=lambda number: (earned(codes[number], bars), -number))
