"""One backtest: bars in, what the desk decided and what it was worth after every bar out."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan

import numpy as np
import numpy.typing as npt

from osiris_contracts import Decision, Fill, OrderRejection
from osiris_desk.backtest.models import Models, Nobody
from osiris_desk.desk import Desk
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars, Floats, Tape
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.rules import Rules
from osiris_desk.state import State
from osiris_desk.steps import CritiqueRequest, RunRequest
from osiris_desk.tick import Tick
from osiris_desk.venue.terms import Terms
from osiris_desk.venue.venue import Venue

_OBJECTS_BETWEEN_LOOKS = 50_000


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a backtest. The columns have a row for every moment that has a bar, shape (n,).

    Attributes:
        time: of the bars, microseconds since 1970, strictly rising.
        equity: net asset value after them, quote currency.
        exposure: value of all positions, short ones too, after them, as a fraction of NAV.
        decisions: in order.
        fills: in order.
        refused: orders that the venue refused.
        starting_cash: quote currency.
    """

    time: npt.NDArray[np.int64]
    equity: Floats
    exposure: Floats
    decisions: tuple[Decision, ...]
    fills: tuple[Fill, ...]
    refused: tuple[OrderRejection, ...]
    starting_cash: float

    @property
    def returns(self) -> Floats:
        """Of every bar, a fraction; the first one's against the starting cash."""
        before = np.concatenate(([self.starting_cash], self.equity[:-1]))
        return self.equity / before - 1


def backtest(
    policy: LoadedPolicy,
    bars: Mapping[str, Bars],
    rules: Rules | None = None,
    terms: Terms | None = None,
    models: Models | None = None,
) -> Result:
    """Let `policy` trade `bars`, by symbol. Equal arguments, equal result.

    Args:
        policy: what decides, and its version.
        bars: of each symbol at least one.
        rules: the owner's; default: as the desk has them.
        terms: of the venue, whose cash is the book's; default: its fees and slippage.
        models: who answers for phi3 and hermes; default: nobody.

    Raises:
        TickRefused: a bar holds no sane numbers.
    """
    rules, terms, models = rules or Rules(), terms or Terms(), models or Nobody()
    with _garbage_looked_for_seldom():
        return _Run(policy, bars, rules, terms, models).play()


@contextmanager
def _garbage_looked_for_seldom() -> Iterator[None]:
    """What a backtest makes it keeps: the collector would go through all of it again and again, and find nothing."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Run:
    def __init__(
        self, policy: LoadedPolicy, bars: Mapping[str, Bars], rules: Rules, terms: Terms, models: Models
    ) -> None:
        self._desk = Desk(State.fresh(rules, policy.version), rules, policy)
        self._venues = {symbol: Venue(symbol, Tape(part), terms) for symbol, part in bars.items()}
        self._bars = bars
        self._models = models
        self._decisions: list[Decision] = []
        self._fills: list[Fill] = []
        self._refused: list[OrderRejection] = []
        self._starting_cash = rules.starting_cash

    def play(self) -> Result:
        desk, times = self._desk, np.unique(np.concatenate([part.time for part in self._bars.values()]))
        equity, exposure = [0.0] * len(times), [0.0] * len(times)
        row, last = -1, None
        for number, tick in _ticks(self._bars):
            if tick.timestamp != last:
                row, last = row + 1, tick.timestamp
            venue = self._venues[tick.symbol]
            for _, event in venue.play(number):
                self._hear(event)
            due = desk.on_tick(tick)
            if due is not None:
                self._decide(due, venue)
            book = desk.state.book
            equity[row] = nav = book.nav
            exposure[row] = book.gross / nav if nav > 0 else 0.0
        return Result(
            times,
            np.array(equity),
            np.array(exposure),
            tuple(self._decisions),
            tuple(self._fills),
            tuple(self._refused),
            self._starting_cash,
        )

    def _decide(self, due: RunRequest, venue: Venue) -> None:
        desk = self._desk
        step = desk.decide_on(self._models.phi3(due.request) if due.request else None)
        if isinstance(step, CritiqueRequest):
            step = desk.conclude(self._models.hermes(step.request))
        self._decisions.append(step)
        if step.order:
            for _, event in venue.submit(step.order):
                self._hear(event)

    def _hear(self, event: Fill | OrderRejection) -> None:
        self._desk.on_execution(event)
        if isinstance(event, Fill):
            self._fills.append(event)
        else:
            self._refused.append(event)


def _ticks(bars: Mapping[str, Bars]) -> Iterator[tuple[int, Tick]]:
    """The bars of all symbols in the order of their time, each with its number in its own tape."""
    symbols = list(bars)
    time = np.concatenate([part.time for part in bars.values()])
    of = np.concatenate([np.full(len(part), place) for place, part in enumerate(bars.values())])
    number = np.concatenate([np.arange(len(part)) for part in bars.values()])
    order = np.lexsort((of, time))
    columns = (
        np.concatenate([getattr(part, name) for part in bars.values()])[order].tolist()
        for name in ("time", "open", "high", "low", "close", "volume")
    )
    adjusted = np.concatenate([_adjusted(part) for part in bars.values()])[order].tolist()
    for row, place, micros, opened, high, low, close, volume, adj_close in zip(
        number[order].tolist(), of[order].tolist(), *columns, adjusted, strict=True
    ):
        yield (
            row,
            Tick(
                symbols[place],
                dates.from_micros(micros),
                opened,
                high,
                low,
                close,
                volume,
                None if isnan(adj_close) else adj_close,
            ),
        )


def _adjusted(bars: Bars) -> Floats:
    return np.full(len(bars), np.nan) if bars.adj_close is None else bars.adj_close
