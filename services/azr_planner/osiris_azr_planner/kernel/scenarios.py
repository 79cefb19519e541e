"""Synthetic markets: bars of a scenario, the same wherever they are made.

A level is a signal that fades: at level 0 the market's rule shows clearly, at level 4 noise all but hides it.
"""

import math
from datetime import UTC, datetime, timedelta
from random import Random

from osiris_contracts import SCENARIO_LEVELS, MarketTick, Scenario

SYMBOL = "SYN"
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
_BAR = timedelta(hours=1)
_PRICE = 100.0
_VOLUME = 1_000.0
_SIGMA = 0.002
"""Standard deviation of a bar's return."""
_DRIFT = 0.3
"""Of a clear trend, in sigmas a bar."""
_TURNS = 1 / 60
"""How likely a trend turns at a bar."""
_REVERSION = 0.25
"""The share of the way back to its mean that a clearly reverting price goes in a bar."""
_ARCH, _GARCH = 0.15, 0.80
_JUMPS, _JUMP = 0.02, 6.0
"""How likely a gap is at a bar, and how wide at worst, in sigmas."""


def signal(level: int) -> float:
    """How clear the rule is: 1 at level 0, 0.2 at level 4."""
    return 1 - level / SCENARIO_LEVELS


def bars(scenario: Scenario, count: int) -> tuple[MarketTick, ...]:
    """The first `count` bars of the scenario, hourly."""
    randomness = Random(f"{scenario.regime}/{scenario.level}/{scenario.seed}")  # noqa: S311  # no secret
    moves = _Moves(scenario, randomness)
    made, close = [], _PRICE
    for number in range(count):
        opened, move = close, moves.next()
        close = opened * math.exp(move)
        reach = abs(randomness.gauss(0, _SIGMA / 2)), abs(randomness.gauss(0, _SIGMA / 2))
        made.append(
            MarketTick(
                symbol=SYMBOL,
                timestamp=_BEGIN + number * _BAR,
                open=opened,
                high=max(opened, close) * math.exp(reach[0]),
                low=min(opened, close) * math.exp(-reach[1]),
                close=close,
                volume=_VOLUME * math.exp(randomness.gauss(0, 0.3)) * (1 + abs(move) / _SIGMA),
            )
        )
    return tuple(made)


class _Moves:
    """Log returns, one after the other.

    `trend`: a drift that turns now and then. `reversion`: a pull back to the mean (Uhlenbeck & Ornstein 1930).
    `clusters`: a trend whose volatility comes in bursts (Bollerslev 1986). `jumps`: a trend with gaps (Merton 1976).
    """

    def __init__(self, scenario: Scenario, randomness: Random) -> None:
        self._regime = scenario.regime
        self._signal = signal(scenario.level)
        self._randomness = randomness
        self._way = randomness.choice((-1, 1))
        self._from_mean = 0.0
        self._variance = _SIGMA**2
        self._last = 0.0

    def next(self) -> float:
        """The return of the next bar."""
        if self._regime == "reversion":
            move = -_REVERSION * self._signal * self._from_mean + self._randomness.gauss(0, _SIGMA)
            self._from_mean += move
            return move
        if self._randomness.random() < _TURNS:
            self._way = -self._way
        drift = self._way * _DRIFT * self._signal * _SIGMA
        if self._regime == "clusters":
            calm = (1 - _ARCH - _GARCH) * _SIGMA**2
            self._variance = calm + _ARCH * self._last**2 + _GARCH * self._variance
        self._last = self._randomness.gauss(0, math.sqrt(self._variance))
        return drift + self._last + self._gap()

    def _gap(self) -> float:
        if self._regime != "jumps" or self._randomness.random() >= _JUMPS:
            return 0.0
        return self._randomness.gauss(0, (1 + (_JUMP - 1) * (1 - self._signal)) * _SIGMA)
