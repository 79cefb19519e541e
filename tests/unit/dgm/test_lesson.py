"""A synthetic market of the planner's: today's policy is tried there, and the best of some changes is judged."""

import math
from pathlib import Path

from tests.support.markets import blind, sighted, trending

from osiris_contracts import KernelPlan, MarketTick, PatchTask, Scenario
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_dgm.archive.archive import Archive
from osiris_dgm.bars import bars_of
from osiris_dgm.kernel import Kernel, outcome_of
from osiris_dgm.lesson import EPISODES, Lesson
from osiris_dgm.statistics.holdout import Holdout
from osiris_dgm.verify.judge import Judge
from osiris_dgm.verify.market import Market

TASK = PatchTask(part="entry", kind="constant", scenario=Scenario(regime="trend", level=0, seed=1))
CLEAR = Lesson(TASK, trending(400, seed=9))


def _kernel(folder: Path, root: bytes) -> Kernel:
    market = Market.of("EURUSD", trending(420))
    kernel = Kernel(Archive(folder / "archive"), _judge(market, folder), root, seed=5)
    kernel.open()
    return kernel


def _judge(market: Market, folder: Path) -> Judge:
    return Judge(market, Holdout(folder / "holdout.json", market.digest, 9))


def test_todays_policy_is_tried_and_the_planner_is_told(tmp_path: Path) -> None:
    seeing, blinded = (_kernel(tmp_path / name, root) for name, root in (("a", sighted()), ("b", blind())))
    assert seeing.taught(CLEAR, "not in the archive").wins == EPISODES
    record = blinded.judge(blinded.taught(CLEAR, "not in the archive"))
    told = outcome_of(record)
    assert (told.scenario, told.episodes, told.wins) == (TASK.scenario, EPISODES, 0)
    assert record.change == ("entry", "constant")


def test_the_change_that_earns_most_there_is_judged(tmp_path: Path) -> None:
    kernel = _kernel(tmp_path, sighted())
    bars, sizes = trending(400, seed=9), TASK.model_copy(update={"part": "size"})
    best = kernel.taught(Lesson(sizes, bars), "not in the archive")
    first = kernel.taught(Lesson(sizes, None), "not in the archive")
    assert (first.episodes, first.task.scenario) == (0, None)
    earned = _judge(Market.of("EURUSD", trending(420)), tmp_path).earned
    assert earned(best.code, bars) > earned(first.code, bars) > 0


def test_what_is_not_fit_to_run_earns_nothing(tmp_path: Path) -> None:
    earned = _judge(Market.of("EURUSD", trending(420)), tmp_path).earned
    assert CLEAR.bars is not None
    assert earned(b"import socket\n", CLEAR.bars) == -math.inf
    assert earned(sighted().replace(b"ENTRY = 1.5", b"ENTRY = 1 / 0"), CLEAR.bars) == -math.inf
    assert CLEAR.best([b"import socket\n", sighted(), sighted()], earned) == 1


def test_a_plan_is_a_lesson_unless_it_is_nop() -> None:
    plan = KernelPlan(task=TASK, priority=0.5, expected_reward=0.5, why="untried", bars=ticks(trending(60)))
    lesson = Lesson.of(plan)
    assert lesson is not None and lesson.task == TASK and lesson.bars is not None
    assert lesson.bars.digest() == bars_of(ticks(trending(60))).digest()
    without = Lesson.of(plan.model_copy(update={"bars": ()}))
    assert without == Lesson(TASK, None)
    assert Lesson.of(KernelPlan(task="NOP", priority=0, expected_reward=0, why="nothing pays")) is None


def ticks(bars: Bars) -> tuple[MarketTick, ...]:
    return tuple(
        MarketTick(
            symbol="SYN",
            timestamp=dates.from_micros(int(bars.time[n])),
            open=bars.open[n],
            high=bars.high[n],
            low=bars.low[n],
            close=bars.close[n],
            volume=bars.volume[n],
        )
        for n in range(len(bars))
    )
