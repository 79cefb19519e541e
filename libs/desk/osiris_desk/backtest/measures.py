"""What a backtest is judged by. The ratios are empyrical's; this says what a year is, and counts trades."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from osiris_desk.backtest.run import Result
from osiris_desk.backtest.trades import Trade, trades_of
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars, Floats

YEAR_MICROS = 365.25 * 86_400 * 1e6


@dataclass(frozen=True, slots=True)
class Curve:
    """Of an equity curve. Fractions, not percent; None where a ratio is not defined, as without any loss.

    Attributes:
        total_return: from the starting cash to the end.
        cagr: compound annual growth rate.
        sharpe, sortino: of returns a bar, a year's worth, against 0.
        calmar: cagr / the largest drawdown.
        max_drawdown: the largest fall from a peak, <= 0.
        peak, trough: when it began and when it was deepest; None when there is none.
        recovered: when the peak was reached again; None when it never was.
    """

    total_return: float
    cagr: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    peak: datetime | None
    trough: datetime | None
    recovered: datetime | None


@dataclass(frozen=True, slots=True)
class Trading:
    """Of the trades. Money in quote currency after fees.

    Attributes:
        trades: round trips completed.
        win_rate: share of them with a gain; None without any.
        profit_factor: gains / losses; None without a loss.
        expectancy: mean gain or loss of a trade; None without any.
        turnover: value traded in a year / mean NAV.
        exposure: mean value of all positions / NAV.
        in_market: share of the bars with a position.
        fees: paid.
    """

    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    turnover: float
    exposure: float
    in_market: float
    fees: float


def bars_a_year(time: Sequence[int] | np.ndarray) -> float:
    """How many bars a year has, at the pace of these; for fewer than two, 252."""
    if len(time) < 2:
        return 252.0
    return float((len(time) - 1) * YEAR_MICROS / (time[-1] - time[0]))


def curve_of(time: np.ndarray, equity: Floats, starting_cash: float) -> Curve:
    """The measures of an equity curve, whose bars began at `time`, microseconds since 1970."""
    import empyrical  # a second, with pandas and scipy

    path = np.concatenate(([starting_cash], equity))
    returns, year = path[1:] / path[:-1] - 1, bars_a_year(time)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of what is not defined, which is None here
        ratios = [
            _number(ratio(returns, annualization=year))
            for ratio in (empyrical.cagr, empyrical.sharpe_ratio, empyrical.sortino_ratio, empyrical.calmar_ratio)
        ]
        depth = _number(empyrical.max_drawdown(returns)) or 0.0
        total = _number(empyrical.cum_returns_final(returns))
    peak, trough, recovered = _drawdown(time, path) if depth < 0 else (None, None, None)
    cagr, sharpe, sortino, calmar = ratios
    return Curve(total or 0.0, cagr, sharpe, sortino, calmar, depth, peak, trough, recovered)


def trading_of(result: Result) -> tuple[Trading, list[Trade]]:
    """The measures of the trades, and the trades."""
    trades = trades_of(result.fills)
    gains = math.fsum(trade.pnl for trade in trades if trade.pnl > 0)
    losses = -math.fsum(trade.pnl for trade in trades if trade.pnl < 0)
    traded = math.fsum(fill.quantity * fill.price for fill in result.fills)
    years = len(result.time) / bars_a_year(result.time)
    measures = Trading(
        trades=len(trades),
        win_rate=sum(trade.pnl > 0 for trade in trades) / len(trades) if trades else None,
        profit_factor=gains / losses if losses else None,
        expectancy=(gains - losses) / len(trades) if trades else None,
        turnover=traded / float(result.equity.mean()) / years,
        exposure=float(result.exposure.mean()),
        in_market=float((result.exposure > 0).mean()),
        fees=math.fsum(fill.fee for fill in result.fills),
    )
    return measures, trades


def buy_and_hold(bars: Mapping[str, Bars], time: np.ndarray, starting_cash: float, commission_rate: float) -> Floats:
    """The equity of the starting cash in equal parts in every symbol, bought at its first open, shape of `time`."""
    share = starting_cash / len(bars)
    total = np.zeros(len(time))
    for part in bars.values():
        row = np.searchsorted(part.time, time, "right") - 1
        units = share / (part.open[0] * (1 + commission_rate))
        total += np.where(row < 0, share, units * part.close[np.maximum(row, 0)])
    return total


def _drawdown(time: np.ndarray, path: Floats) -> tuple[datetime, datetime, datetime | None]:
    """Peak, trough and recovery of the deepest drawdown; `path` begins before the first bar."""
    trough = int(np.argmin(path / np.maximum.accumulate(path)))
    peak = int(np.argmax(path[: trough + 1]))
    later = np.flatnonzero(path[trough:] >= path[peak])
    moments = [dates.from_micros(int(time[max(row - 1, 0)])) for row in (peak, trough)]
    recovered = dates.from_micros(int(time[trough + later[0] - 1])) if len(later) else None
    return moments[0], moments[1], recovered


def _number(value: float) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
