"""What the desk is told once: how often it runs and what it may risk."""

import math
from dataclasses import dataclass, replace
from typing import Self

from osiris_desk.policy import Limits

MAX_HORIZON = 500
"""Bars; every decision waits that long in the desk's state."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the desk. Equal rules and equal bars give equal decisions.

    Attributes:
        ticks_per_proposal: bars of a symbol between two runs, >= 1.
        max_position_size_pct: a position stays below this share of NAV, percent, above 0 to 100.
        max_daily_loss_pct: at this loss since the day began nothing new is risked, percent of NAV, above 0 to 100.
        starting_cash: cash of a new book, > 0, quote currency.
        seed: of the models' sampling, by way of the run ids.
        outcome_bars: bars after which the outcome of a decision is told, 1 to 500; None: ticks_per_proposal, so that
            no later decision on the symbol has a part in it.

    Raises:
        ValueError: a number out of its range.
    """

    ticks_per_proposal: int = 5
    max_position_size_pct: float = 1.0
    max_daily_loss_pct: float = 2.0
    starting_cash: float = 100_000.0
    seed: int = 0
    outcome_bars: int | None = None

    @property
    def horizon(self) -> int:
        """Bars after which the outcome of a decision is told."""
        return min(self.ticks_per_proposal, MAX_HORIZON) if self.outcome_bars is None else self.outcome_bars

    def within(self, limits: Limits) -> Self:
        """The rules with the stricter of each two limits: a policy's never widen the owner's."""
        position = min(self.max_position_size_pct, limits.max_position_size_pct)
        loss = min(self.max_daily_loss_pct, limits.max_daily_loss_pct)
        if (position, loss) == (self.max_position_size_pct, self.max_daily_loss_pct):
            return self
        return replace(self, max_position_size_pct=position, max_daily_loss_pct=loss)

    def __post_init__(self) -> None:
        if self.ticks_per_proposal < 1:
            raise ValueError(f"expected ticks_per_proposal >= 1, was {self.ticks_per_proposal}")
        if not 1 <= self.horizon <= MAX_HORIZON:
            raise ValueError(f"expected outcome_bars from 1 to {MAX_HORIZON}, was {self.horizon}")
        for name in ("max_position_size_pct", "max_daily_loss_pct"):
            value = getattr(self, name)
            if not 0 < value <= 100:
                raise ValueError(f"expected {name} above 0 and at most 100 percent, was {value}")
        if not (math.isfinite(self.starting_cash) and self.starting_cash > 0):
            raise ValueError(f"expected starting_cash > 0, was {self.starting_cash}")
