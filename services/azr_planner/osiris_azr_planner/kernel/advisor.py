"""Which change to try next: a bandit over part × kind, with doing nothing as one of its choices."""

from random import Random

from osiris_azr_planner.kernel import curriculum
from osiris_azr_planner.kernel.beliefs import Belief
from osiris_azr_planner.kernel.memory import Memory
from osiris_azr_planner.kernel.scenarios import bars
from osiris_contracts import CHANGES, KernelPlan, KernelQuestion, PatchTask


def advise(memory: Memory, question: KernelQuestion, randomness: Random, least_reward: float) -> KernelPlan:
    """The change that promises most, drawn from what is believed of each (Thompson sampling).

    NOP, whose reward is known, takes its turn where the best draw is below it: the surer it is that nothing pays, the
    rarer anything is tried.

    Args:
        least_reward: the reward below which a try is not worth its cost, 0 to 1.
    """
    promised, (part, kind) = max(
        ((memory.change(*change).draw(randomness), change) for change in CHANGES), key=lambda drawn: drawn[0]
    )
    belief = memory.change(part, kind)
    told = f"{part} × {kind} {_rate(belief, 'passes', 'of its verification')}"
    if promised < least_reward:
        why = f"the best change, {told}, promises {promised:.3f}, less than {least_reward:g}: not worth its cost now"
        return KernelPlan(task="NOP", priority=0.0, expected_reward=0.0, why=why)
    lesson = curriculum.propose(memory, randomness)
    scenario = lesson.scenario
    market = f"{scenario.regime} {scenario.level} today's policy {_rate(lesson.belief, 'wins', 'of its tries')}"
    return KernelPlan(
        task=PatchTask(part=part, kind=kind, scenario=scenario),
        priority=promised,
        expected_reward=belief.mean,
        why=f"{told}; on {market}, learnability {lesson.learnability:.3f}",
        bars=bars(scenario, question.bars),
    )


def _rate(belief: Belief, does: str, what: str) -> str:
    return f"{does} {belief.mean:.2f} {what} ({belief.seen:.1f} seen)" if belief.seen else "was not seen yet"
