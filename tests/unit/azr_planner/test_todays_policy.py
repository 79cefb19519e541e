"""The curriculum for a real policy: the shipped one that needs no model, played by the desk's own backtest."""

from collections.abc import Sequence
from random import Random

import numpy as np

from osiris_azr_planner.kernel import curriculum
from osiris_azr_planner.kernel.curriculum import MARKETS
from osiris_azr_planner.kernel.memory import Memory
from osiris_azr_planner.kernel.scenarios import SYMBOL, bars
from osiris_contracts import DgmOutcome, MarketTick, Scenario
from osiris_desk.backtest import backtest
from osiris_desk.market.bars import Bars
from osiris_desk.market.dates import to_micros
from osiris_desk.policy.shipped import TREND, shipped

EPISODES = 5
POLICY = shipped(TREND)


def columns(ticks: Sequence[MarketTick]) -> Bars:
    prices = {name: np.array([getattr(tick, name) for tick in ticks]) for name in ("open", "high", "low", "close")}
    time = np.array([to_micros(tick.timestamp) for tick in ticks])
    return Bars(time, **prices, volume=np.array([tick.volume for tick in ticks]))


def wins(scenario: Scenario) -> bool:
    """Whether today's policy ends with a gain after fees."""
    result = backtest(POLICY, {SYMBOL: columns(bars(scenario, 200))})
    return bool(result.equity[-1] > result.starting_cash)


def test_todays_policy_is_sent_where_it_wins_about_half_the_time() -> None:
    memory, rates = Memory(), {}
    for regime, level in MARKETS:
        played = [Scenario(regime=regime, level=level, seed=seed) for seed in range(EPISODES)]
        won = sum(map(wins, played))
        rates[regime, level] = won / EPISODES
        told = DgmOutcome(
            candidate="b",
            parent=POLICY.version,
            part="entry",
            kind="constant",
            accepted=False,
            reward=0.3,
            failed_at="train",
            scenario=played[0],
            episodes=EPISODES,
            wins=won,
        )
        memory = memory.after(told, f"{regime}/{level}", 1e9)
    assert rates["reversion", 0] == 0  # it follows trends, and there is none
    assert rates["jumps", 0] > 0.5
    randomness = Random(1)
    proposed = [curriculum.propose(memory, randomness).scenario for _ in range(300)]
    found = [rates[scenario.regime, scenario.level] for scenario in proposed]
    hopeless = sum(rate == 0 for rate in found) / len(found)
    assert 0.35 < np.mean(found) < 0.75
    assert hopeless < 0.7 * sum(rate == 0 for rate in rates.values()) / len(rates)
