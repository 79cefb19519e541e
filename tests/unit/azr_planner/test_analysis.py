"""Indicators, Kelly's fraction and the ledger, against numbers computed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_azr_planner.analysis.indicators import atr, ema, true_ranges
from osiris_azr_planner.analysis.kelly import kelly, kelly_of_returns
from osiris_azr_planner.analysis.ledger import Ledger
from osiris_contracts import PriceBar


def bar(high: float, low: float, close: float) -> PriceBar:
    return PriceBar(high=high, low=low, close=close)


def test_a_moving_average() -> None:
    assert ema([1, 2, 3], 3) == [1, 1.5, 2.25]
    assert ema([4, 8], 1) == [4, 8]


def test_a_true_range_reaches_over_a_gap() -> None:
    bars = [bar(10, 8, 9), bar(12, 11, 11), bar(11, 7, 8), bar(9, 8, 9), bar(15, 9, 14)]
    assert true_ranges(bars) == [3, 4, 1, 6]
    # (3 + 4) / 2, then (3.5 + 1) / 2, then (2.25 + 6) / 2
    assert atr(bars, 2) == [3.5, 2.25, 4.125]


def test_an_average_range_needs_a_bar_more_than_its_period() -> None:
    assert len(atr([bar(2, 1, 1)] * 15, 14)) == 1
    with pytest.raises(ValueError, match="at least period \\+ 1 = 15 bars, got 14"):
        atr([bar(2, 1, 1)] * 14, 14)


@pytest.mark.parametrize(
    ("chance", "payoff", "expected"), [(0.6, 1, 0.2), (0.5, 2, 0.25), (0.5, 1, 0), (0.2, 1, 0), (1, 1, 1)]
)
def test_kelly(chance: float, payoff: float, expected: float) -> None:
    assert kelly(chance, payoff) == pytest.approx(expected)


def test_kelly_of_returns() -> None:
    assert kelly_of_returns(0.10, 0.20, 0.02, most=5) == pytest.approx(2.0)
    assert kelly_of_returns(0.10, 0.20, 0.02, most=1.5) == 1.5
    assert kelly_of_returns(0.01, 0.20, 0.02, most=2) == 0
    assert kelly_of_returns(0.10, 0.0, 0.02, most=2) == 2
    assert kelly_of_returns(0.0, 0.0, 0.0, most=2) == 0


def test_a_ledger_by_average_cost() -> None:
    ledger = Ledger()
    ledger.fill("MES", 2, 5000, fee=1)
    ledger.fill("MES", 2, 5010, fee=1)
    ledger.fill("MES", -3, 5020, fee=1)
    ledger.mark({"MES": 5030})
    view = ledger.view()
    held = view.positions["MES"]
    assert (held.quantity, held.average_cost, held.mark, held.multiplier) == (1, 5005, 5030, 5)
    assert (held.realised, held.unrealised) == (3 * 15 * 5, 25 * 5)
    assert (view.realised, view.unrealised, view.fees, view.total) == (225, 125, 3, 347)


def test_a_position_that_turns_has_a_new_cost() -> None:
    ledger = Ledger()
    ledger.fill("SPY", 1, 100)
    ledger.fill("SPY", -3, 110)
    held = ledger.view().positions["SPY"]
    assert (held.quantity, held.average_cost, held.realised, held.unrealised) == (-2, 110, 10, 0)


def test_a_missing_mark_keeps_the_last() -> None:
    ledger = Ledger()
    ledger.fill("SPY", 1, 100)
    ledger.fill("MNQ", 1, 200)
    ledger.mark({"SPY": 105, "MNQ": 210})
    ledger.mark({"SPY": 106, "TLT": 1})
    assert {name: held.mark for name, held in ledger.view().positions.items()} == {"SPY": 106, "MNQ": 210}
    assert ledger.view().unrealised == 6 + 10 * 2


_trades = st.tuples(
    st.sampled_from(("MES", "SPY")), st.integers(-50, 50).map(float), st.floats(1, 1e4), st.floats(0, 10)
)


@given(st.lists(_trades, max_size=40), st.floats(1, 1e4))
def test_money_is_conserved(trades: list[tuple[str, float, float, float]], mark: float) -> None:
    worth = {"MES": 5, "SPY": 1}
    ledger, cash = Ledger(), []
    for instrument, quantity, price, fee in trades:
        ledger.fill(instrument, quantity, price, fee)
        cash += [-quantity * price * worth[instrument], -fee]
    ledger.mark({"MES": mark, "SPY": mark})
    view = ledger.view()
    held = [position.quantity * position.mark * worth[name] for name, position in view.positions.items()]
    assert view.total == pytest.approx(math.fsum(cash + held), abs=1e-4)
