"""Markets to learn on, in the manner of Absolute Zero (Zhao et al. 2025, arXiv 2505.03335).

A proposer is rewarded for tasks from which there is something to learn: 1 - success rate, and nothing where the
solver always or never succeeds. With two tries a task that reward is, on average, p (1 - p): the most where today's
policy wins half the time.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import get_args

from osiris_azr_planner.kernel.beliefs import Belief
from osiris_azr_planner.kernel.memory import Memory
from osiris_contracts import SCENARIO_LEVELS, Regime, Scenario

TRIES = 2
MARKETS: tuple[tuple[Regime, int], ...] = tuple(
    (regime, level) for regime in get_args(Regime) for level in range(SCENARIO_LEVELS)
)
_SEEDS = 2**53


@dataclass(frozen=True, slots=True)
class Lesson:
    """A market to learn on.

    Attributes:
        belief: how often today's policy wins there.
    """

    scenario: Scenario
    belief: Belief

    @property
    def learnability(self) -> float:
        """That of two tries there, on average; 0.25 at most."""
        return expected_learnability(self.belief.mean)


def learnability(success_rate: float) -> float:
    """1 - success rate of some tries at one task; 0 where all or none succeeded (the paper's reward for proposing)."""
    return 0.0 if success_rate in (0.0, 1.0) else 1 - success_rate


def expected_learnability(chance: float, tries: int = TRIES) -> float:
    """The mean of `learnability` over so many tries that each succeed with `chance`."""
    return math.fsum(
        math.comb(tries, wins) * chance**wins * (1 - chance) ** (tries - wins) * learnability(wins / tries)
        for wins in range(tries + 1)
    )


def propose(memory: Memory, randomness: Random) -> Lesson:
    """The kind of market with the most to learn, as drawn from what is believed of each."""
    regime, level = max(MARKETS, key=lambda market: expected_learnability(memory.market(*market).draw(randomness)))
    scenario = Scenario(regime=regime, level=level, seed=randomness.randrange(_SEEDS))
    return Lesson(scenario, memory.market(regime, level))
