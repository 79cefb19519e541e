"""The bars a candidate is judged on, cut by time: it learns on the first, is chosen on the next, and sworn in last."""

from dataclasses import dataclass
from typing import Self

from osiris_desk.backtest.control import shuffled
from osiris_desk.market.bars import Bars

SHORT, TRAIN, VALIDATION = 0.08, 0.55, 0.85
"""Where, as shares of the bars, the short run, training and validation end."""

WINDOWS = 2
LEAST_BARS = 400


@dataclass(frozen=True, slots=True)
class Market:
    """Bars of one symbol, by what they are for.

    Attributes:
        symbol: the instrument.
        digest: of all the bars.
        short: the first of training, for a quick look.
        train: windows of training, in order.
        validation: what scores are of.
        holdout: sealed: see `statistics.holdout`.
        control: validation in a shuffled order, where nobody has an edge.
    """

    symbol: str
    digest: str
    short: Bars
    train: tuple[Bars, ...]
    validation: Bars
    holdout: Bars
    control: Bars

    @classmethod
    def of(cls, symbol: str, bars: Bars, seed: int = 0) -> Self:
        """Cut `bars` in time.

        Raises:
            ValueError: there are too few.
        """
        if len(bars) < LEAST_BARS:
            raise ValueError(f"expected at least {LEAST_BARS} bars to judge policies on, was {len(bars)}")
        count = len(bars)
        trained, chosen = int(TRAIN * count), int(VALIDATION * count)
        cuts = [trained * n // WINDOWS for n in range(WINDOWS + 1)]
        validation = bars.where(slice(trained, chosen))
        return cls(
            symbol=symbol,
            digest=bars.digest(),
            short=bars.where(slice(0, max(1, int(SHORT * count)))),
            train=tuple(bars.where(slice(cuts[n], cuts[n + 1])) for n in range(WINDOWS)),
            validation=validation,
            holdout=bars.where(slice(chosen, None)),
            control=shuffled(validation, seed + 1),
        )
