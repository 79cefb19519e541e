"""What a backtest is judged by, on numbers that can be checked by hand."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from tests.unit.desk.bars import HOUR, bars_of

from osiris_contracts import Fill
from osiris_desk.backtest import backtest
from osiris_desk.backtest.measures import YEAR_MICROS, bars_a_year, buy_and_hold, curve_of, trading_of
from osiris_desk.backtest.page import page
from osiris_desk.backtest.report import Study
from osiris_desk.backtest.run import Result
from osiris_desk.backtest.trades import trades_of
from osiris_desk.market import dates
from osiris_desk.policy.shipped import TREND, shipped
from osiris_desk.rules import Rules
from osiris_desk.venue.terms import Terms

START = datetime(2024, 1, 2, tzinfo=UTC)
DAYS = dates.to_micros(START) + 24 * HOUR * np.arange(5)


def fill(hour: int, side: str, quantity: float, price: float, fee: float = 1.0, reason: str = "order") -> Fill:
    return Fill.model_validate(
        {
            "order_id": uuid4(),
            "symbol": "SPY",
            "side": side,
            "quantity": quantity,
            "price": price,
            "fee": fee,
            "timestamp": START + timedelta(hours=hour),
            "reason": reason,
        }
    )


def test_a_curve_that_falls_and_recovers() -> None:
    curve = curve_of(DAYS, np.array([110.0, 120.0, 90.0, 100.0, 120.0]), 100.0)
    assert curve.total_return == pytest.approx(0.2)
    assert curve.max_drawdown == pytest.approx(-0.25)
    day = [START + timedelta(days=number) for number in range(5)]
    assert (curve.peak, curve.trough, curve.recovered) == (day[1], day[2], day[4])
    year = bars_a_year(DAYS)
    assert year == pytest.approx(365.25)
    assert curve.cagr == pytest.approx(1.2 ** (year / 5) - 1)
    returns = np.array([110 / 100, 120 / 110, 90 / 120, 100 / 90, 120 / 100]) - 1
    assert curve.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * year**0.5)
    downside = np.sqrt(np.mean(np.minimum(returns, 0) ** 2))
    assert curve.sortino == pytest.approx(returns.mean() / downside * year**0.5)
    assert curve.calmar == pytest.approx(curve.cagr / 0.25)


def test_what_is_not_defined_is_none() -> None:
    flat = curve_of(DAYS, np.full(5, 100.0), 100.0)
    assert (flat.total_return, flat.max_drawdown) == (0, 0)
    assert (flat.sharpe, flat.sortino, flat.calmar) == (None, None, None)
    assert (flat.peak, flat.trough, flat.recovered) == (None, None, None)


def test_a_drawdown_from_the_start_that_never_recovers() -> None:
    curve = curve_of(DAYS, np.array([90.0, 80.0, 85.0, 70.0, 99.0]), 100.0)
    assert (curve.peak, curve.trough, curve.recovered) == (START, START + timedelta(days=3), None)
    assert curve.max_drawdown == pytest.approx(-0.3)


def test_round_trips_end_flat_or_through_zero() -> None:
    fills = [
        fill(0, "BUY", 2, 100),
        fill(1, "BUY", 2, 110),
        fill(2, "SELL", 4, 120, reason="target"),
        fill(3, "SELL", 1, 120),
        fill(4, "BUY", 3, 110, fee=3.0),  # through zero: 1 of 3 units closes
        fill(5, "SELL", 1, 100, reason="stop"),
    ]
    long, short = trades_of(fills)
    assert (long.side, long.quantity, long.entry, long.exit, long.reason) == ("LONG", 4, 105, 120, "target")
    assert (long.pnl, long.fees) == (pytest.approx(57), 3)
    assert (short.side, short.entry, short.exit) == ("SHORT", 120, 110)
    assert (short.pnl, short.fees) == (pytest.approx(8), 2)
    assert (short.opened, short.closed) == (START + timedelta(hours=3), START + timedelta(hours=4))


def test_trading_is_counted() -> None:
    fills = (fill(0, "BUY", 1, 100), fill(1, "SELL", 1, 110), fill(2, "BUY", 1, 110), fill(3, "SELL", 1, 105))
    exposure = np.array([0.1, 0.0, 0.1, 0.0, 0.0])
    trading, trades = trading_of(Result(DAYS, np.full(5, 1000.0), exposure, (), fills, (), 1000.0))
    assert len(trades) == trading.trades == 2
    assert (trading.win_rate, trading.fees) == (0.5, 4)
    assert trading.profit_factor == pytest.approx(8 / 7)
    assert trading.expectancy == pytest.approx(0.5)
    assert trading.exposure == pytest.approx(0.04)
    assert trading.in_market == pytest.approx(0.4)
    assert trading.turnover == pytest.approx(425 / 1000 / 5 * 365.25)


def test_holding_is_bought_at_the_first_open_for_its_fee() -> None:
    bars = {"SPY": bars_of([100, 110, 120]), "QQQ": bars_of([10, 10, 5])}
    held = buy_and_hold(bars, bars["SPY"].time, 1000.0, 0.0)
    assert held.tolist() == pytest.approx([1000, 1050, 850])
    assert buy_and_hold(bars, bars["SPY"].time, 1000.0, 0.25)[0] == pytest.approx(800)


def test_a_year_of_hours_that_are_traded() -> None:
    weekdays = np.array([0, 1, 2, 3]) * HOUR
    assert bars_a_year(weekdays) == pytest.approx(YEAR_MICROS / HOUR)
    assert bars_a_year([0]) == 252


def test_a_report_tells_all_and_its_page_needs_no_other_file() -> None:
    bars = {"SPY": bars_of([100 + number + 7 * (number % 3) for number in range(200)])}
    study = Study(shipped(TREND), bars, Rules(), Terms(), lambda: None, "<none>", asks_models=False)
    report = study.report(controls=2, seed=0, window=100, step=50)
    facts = report.facts()
    assert (facts["bars"], facts["first"], len(facts["control"]), len(facts["stretches"])) == (
        200,
        "2024-01-02T10:00:00Z",
        2,
        3,
    )
    assert facts["curve"]["total_return"] == pytest.approx(report.equity[-1] / 100_000 - 1)
    assert facts["decisions"] == {"passed": facts["decisions"]["passed"], "accepted": facts["decisions"]["accepted"]}
    assert sum(facts["decisions"].values()) == 40
    drawn = page(report)
    assert drawn.count("<svg") == 2 and "buy and hold" in drawn and "Walk-forward" in drawn
    assert "&lt;none&gt;" in drawn and "<none>" not in drawn
    assert "http" not in drawn and "<script" not in drawn
    assert backtest(shipped(TREND), bars).equity.tobytes() == report.equity.tobytes()
