"""Everything a backtest has to tell, for a table, a file and a page."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from osiris_desk.backtest.control import shuffled
from osiris_desk.backtest.measures import Curve, Trading, buy_and_hold, curve_of, trading_of
from osiris_desk.backtest.models import Models
from osiris_desk.backtest.run import Result, backtest
from osiris_desk.backtest.trades import Trade
from osiris_desk.backtest.walking import windows
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars, Floats
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.rules import Rules
from osiris_desk.venue.terms import Terms


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window of a walk-forward."""

    first: datetime
    last: datetime
    curve: Curve
    hold: Curve


@dataclass(frozen=True, slots=True)
class Report:
    """What a backtest came to.

    Attributes:
        policy: its version.
        models: who answered for phi3 and hermes.
        symbols: in the order given.
        time, equity, hold_equity: the curves, shape (n,); `hold`: buying and holding.
        decisions: how many of each status.
        rejected, failed, refused: how many for each reason: by the gate; runs; orders, by the venue.
        control: of the same policy on shuffled bars; empty when there was none.
        stretches: of a walk-forward; empty when there was none.
        control_said: why there was no control; empty when there was one.
    """

    policy: str
    models: str
    symbols: tuple[str, ...]
    time: npt.NDArray[np.int64]
    equity: Floats
    hold_equity: Floats
    starting_cash: float
    curve: Curve
    hold: Curve
    trading: Trading
    trades: tuple[Trade, ...]
    decisions: dict[str, int]
    rejected: dict[str, int]
    failed: dict[str, int]
    refused: dict[str, int]
    control: tuple[Curve, ...]
    control_said: str
    stretches: tuple[Stretch, ...]

    @property
    def first(self) -> datetime:
        """Timestamp of the first bar."""
        return dates.from_micros(int(self.time[0]))

    @property
    def last(self) -> datetime:
        """Timestamp of the last bar."""
        return dates.from_micros(int(self.time[-1]))

    def facts(self) -> dict[str, Any]:
        """All of it but the curves, as plain JSON: times in RFC 3339, null where a ratio is not defined."""
        left_out = {"time", "equity", "hold_equity"}
        facts = {name: value for name, value in _plain(asdict(self)).items() if name not in left_out}
        return facts | {"first": _plain(self.first), "last": _plain(self.last), "bars": len(self.time)}


@dataclass(frozen=True, slots=True)
class Study:
    """What is tried: a policy on bars, under rules and terms.

    Attributes:
        make_models: makes who answers anew for each run; `models` says who that is.
        asks_models: whether the policy asks them, so that shuffled bars have no answers.
    """

    policy: LoadedPolicy
    bars: Mapping[str, Bars]
    rules: Rules
    terms: Terms
    make_models: Callable[[], Models]
    models: str
    asks_models: bool

    def run(self, bars: Mapping[str, Bars] | None = None) -> Result:
        """One backtest, of other bars than the study's when given."""
        return backtest(self.policy, bars or self.bars, self.rules, self.terms, self.make_models())

    def report(self, *, controls: int, seed: int, window: int | None, step: int | None) -> Report:
        """Run it, its controls and its windows.

        Args:
            controls: runs on shuffled bars.
            seed: of the shuffling.
            window, step: of a walk-forward, bars; None for none.

        Raises:
            ValueError: a window is longer than the bars.
        """
        stretches = [self._stretch(part) for part in windows(self.bars, window, step or window)] if window else []
        result = self.run()
        hold, cash = self._hold(self.bars, result), result.starting_cash
        trading, trades = trading_of(result)
        may_control = not self.asks_models
        return Report(
            policy=self.policy.version,
            models=self.models,
            symbols=tuple(self.bars),
            time=result.time,
            equity=result.equity,
            hold_equity=hold,
            starting_cash=cash,
            curve=curve_of(result.time, result.equity, cash),
            hold=curve_of(result.time, hold, cash),
            trading=trading,
            trades=tuple(trades),
            decisions=dict(Counter(each.status for each in result.decisions)),
            rejected=_count(reason for each in result.decisions if each.verdict for reason in each.verdict.reasons),
            failed=_count(each.error for each in result.decisions if each.status == "failed" and each.error),
            refused=_count(each.reason for each in result.refused),
            control=tuple(self._controls(controls, seed)) if may_control else (),
            control_said="" if may_control else "the policy asks a model, which was never asked about shuffled bars",
            stretches=tuple(stretches),
        )

    def _controls(self, count: int, seed: int) -> Iterable[Curve]:
        for number in range(count):
            result = self.run({symbol: shuffled(part, seed + number) for symbol, part in self.bars.items()})
            yield curve_of(result.time, result.equity, result.starting_cash)

    def _stretch(self, bars: Mapping[str, Bars]) -> Stretch:
        result = self.run(bars)
        curve = curve_of(result.time, result.equity, result.starting_cash)
        hold = curve_of(result.time, self._hold(bars, result), result.starting_cash)
        first, last = (dates.from_micros(int(result.time[row])) for row in (0, -1))
        return Stretch(first, last, curve, hold)

    def _hold(self, bars: Mapping[str, Bars], result: Result) -> Floats:
        return buy_and_hold(bars, result.time, result.starting_cash, self.terms.commission_rate)


def _count(reasons: Iterable[str]) -> dict[str, int]:
    """How often each, the numbers in it left out; the most frequent first."""
    return dict(Counter(reason.partition(", was")[0] for reason in reasons).most_common(20))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
