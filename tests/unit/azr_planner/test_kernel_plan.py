"""What the kernel should try next: the bandit, the curriculum, and the markets it proposes."""

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_azr_planner.analysis.indicators import ema
from osiris_azr_planner.kernel import curriculum
from osiris_azr_planner.kernel.advisor import advise
from osiris_azr_planner.kernel.curriculum import MARKETS, expected_learnability, learnability
from osiris_azr_planner.kernel.memory import REMEMBERED, Memory
from osiris_azr_planner.kernel.scenarios import bars
from osiris_contracts import CHANGES, DgmOutcome, KernelQuestion, MarketTick, PatchTask, Scenario

HALF_LIFE = 500.0
COST = 0.05


def outcome(**facts: Any) -> DgmOutcome:
    given = {"candidate": "b", "parent": "a", "part": "entry", "kind": "constant", "accepted": False, "reward": 0.2}
    return DgmOutcome.model_validate(given | {"failed_at": "train"} | facts)


def taught(outcomes: list[DgmOutcome], half_life: float = HALF_LIFE) -> Memory:
    memory = Memory()
    for number, each in enumerate(outcomes):
        memory = memory.after(each, str(number), half_life)
    return memory


# --- the bandit -----------------------------------------------------------------------------------------------------


def test_a_reward_is_a_fraction_of_a_success_and_fades() -> None:
    memory = taught([outcome(reward=0.25)], half_life=1)
    assert memory.change("entry", "constant").mean == pytest.approx(1.25 / 3)
    later = memory.after(outcome(part="exit"), "later", half_life=1)
    assert later.change("entry", "constant").seen == 0.5
    assert later.change("exit", "constant").seen == 1


def test_an_outcome_told_twice_counts_once() -> None:
    memory = taught([outcome()])
    assert memory.after(outcome(), "0", HALF_LIFE) is memory
    assert len(taught([outcome()] * (REMEMBERED + 9)).seen) == REMEMBERED


def test_a_memory_goes_to_json_and_back() -> None:
    scenario = {"regime": "jumps", "level": 4, "seed": 2**53 - 1}
    memory = taught([outcome(scenario=scenario, episodes=3, wins=1)])
    assert Memory.from_json(memory.to_json()) == memory
    assert Memory.from_json(None) == Memory()


def test_the_change_that_pays_is_tried_most() -> None:
    randomness, memory, tried = Random(3), Memory(), Counter()
    for number in range(800):
        plan = advise(memory, KernelQuestion(), randomness, COST)
        assert isinstance(plan.task, PatchTask)
        change = (plan.task.part, plan.task.kind)
        tried[change] += number >= 600
        reward = 0.7 if change == ("size", "guard") else 0.3
        noisy = min(0.99, max(0.0, randomness.gauss(reward, 0.1)))
        memory = memory.after(outcome(part=change[0], kind=change[1], reward=noisy), str(number), HALF_LIFE)
    assert tried.most_common(1)[0][0] == ("size", "guard")
    assert tried["size", "guard"] > 100
    plan = advise(memory, KernelQuestion(), Random(1), COST)
    assert 0 <= plan.expected_reward <= 1 and 0 <= plan.priority <= 1


def test_where_nothing_pays_it_says_nop_and_still_looks_now_and_then() -> None:
    memory = taught([outcome(part=part, kind=kind, reward=0) for part, kind in CHANGES for _ in range(100)], 1e9)
    plans = [advise(memory, KernelQuestion(bars=5), Random(seed), COST) for seed in range(300)]
    idle = [plan for plan in plans if plan.task == "NOP"]
    assert 0 < len(plans) - len(idle) < 150
    assert all(plan.priority == plan.expected_reward == 0 and not plan.bars for plan in idle)
    assert "not worth its cost" in idle[0].why


def test_only_what_makes_sense_is_proposed() -> None:
    tasks = [advise(Memory(), KernelQuestion(), Random(seed), COST).task for seed in range(300)]
    changes = {(task.part, task.kind) for task in tasks if isinstance(task, PatchTask)}
    assert changes <= set(CHANGES)
    assert ("prompt", "operator") not in CHANGES
    assert len(changes) > 25


# --- the curriculum -------------------------------------------------------------------------------------------------


def test_there_is_nothing_to_learn_where_one_always_or_never_wins() -> None:
    assert [learnability(rate) for rate in (0.0, 0.25, 0.5, 1.0)] == [0, 0.75, 0.5, 0]


@given(st.floats(0, 1), st.integers(2, 20))
def test_what_is_expected_of_tries_is_what_the_sum_comes_to(chance: float, tries: int) -> None:
    assert expected_learnability(chance, tries) == pytest.approx((1 - chance) - (1 - chance) ** tries, abs=1e-9)


def test_of_two_tries_there_is_most_to_learn_at_one_in_two() -> None:
    best = max((number / 100 for number in range(101)), key=expected_learnability)
    assert best == 0.5


def follow_the_trend(ticks: tuple[MarketTick, ...], cost: float = 0.0002) -> float:
    """What a simple policy makes: long above its moving average, short below, at the next open."""
    average = ema([tick.close for tick in ticks], 20)
    held, gain = 0.0, 0.0
    for before, now, level in zip(ticks, ticks[1:], average, strict=False):
        wanted = 1.0 if before.close > level else -1.0
        gain += wanted * (now.close / now.open - 1) - cost * abs(wanted - held)
        held = wanted
    return gain


def test_markets_are_proposed_where_todays_policy_wins_about_half_the_time() -> None:
    randomness, memory, proposed = Random(11), Memory(), []
    for number in range(600):
        lesson = curriculum.propose(memory, randomness)
        wins = 0
        for episode in range(2):
            played = lesson.scenario.model_copy(update={"seed": (lesson.scenario.seed + episode) % 2**53})
            wins += follow_the_trend(bars(played, 80)) > 0
        told = outcome(scenario=lesson.scenario, episodes=2, wins=wins)
        memory = memory.after(told, str(number), HALF_LIFE)
        proposed.append((lesson.scenario.regime, lesson.scenario.level, wins))
    rates = {market: memory.market(*market).mean for market in MARKETS}
    assert rates["trend", 0] > 0.8  # there is nothing to learn
    assert rates["reversion", 0] < 0.2  # there is no hope
    late = proposed[300:]
    assert 0.35 < sum(wins for *_, wins in late) / (2 * len(late)) < 0.65
    counted = Counter(market[:2] for market in late)
    assert counted["trend", 0] + counted["reversion", 0] < counted.most_common(1)[0][1]


# --- the markets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
def test_equal_scenarios_give_equal_and_usable_bars(market: tuple[Any, int]) -> None:
    scenario = Scenario(regime=market[0], level=market[1], seed=7)
    made = bars(scenario, 1_000)
    assert made[:50] == bars(scenario, 50)
    assert made != bars(scenario.model_copy(update={"seed": 8}), 1_000)
    for before, tick in pairwise(made):
        assert tick.low <= min(tick.open, tick.close) <= max(tick.open, tick.close) <= tick.high
        assert tick.open == before.close and tick.timestamp > before.timestamp
        assert 1 < tick.close < 10_000


def test_bars_are_the_same_on_every_machine() -> None:
    (first,) = bars(Scenario(regime="clusters", level=2, seed=1), 1)
    assert first.close == pytest.approx(100.27445908441082, abs=1e-9)
