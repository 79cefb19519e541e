"""A report as rows of text, for a terminal and for a page."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from statistics import median

from osiris_contracts import price_text
from osiris_desk.backtest.measures import Curve
from osiris_desk.backtest.report import Report
from osiris_desk.backtest.trades import Trade

Rows = list[tuple[str, ...]]
Text = Callable[[float | None], str]
NONE = "–"


def measure_rows(report: Report) -> Rows:
    """The measures: name, the desk's, those of buying and holding."""
    desk, hold, trading = report.curve, report.hold, report.trading
    both = [
        ("total return", _percent(desk.total_return), _percent(hold.total_return)),
        ("CAGR", _percent(desk.cagr), _percent(hold.cagr)),
        ("Sharpe", _ratio(desk.sharpe), _ratio(hold.sharpe)),
        ("Sortino", _ratio(desk.sortino), _ratio(hold.sortino)),
        ("Calmar", _ratio(desk.calmar), _ratio(hold.calmar)),
        ("max drawdown", _percent(desk.max_drawdown), _percent(hold.max_drawdown)),
        ("  from", _moment(desk.peak), _moment(hold.peak)),
        ("  deepest", _moment(desk.trough), _moment(hold.trough)),
        ("  recovered", _moment(desk.recovered), _moment(hold.recovered)),
    ]
    alone = [
        ("trades", str(trading.trades)),
        ("win rate", _share(trading.win_rate)),
        ("profit factor", _ratio(trading.profit_factor)),
        ("expectancy a trade", _ratio(trading.expectancy)),
        ("turnover a year", _ratio(trading.turnover)),
        ("exposure", _share(trading.exposure)),
        ("in the market", _share(trading.in_market)),
        ("fees", f"{trading.fees:.2f}"),
        *((f"decisions {status}", str(times)) for status, times in sorted(report.decisions.items())),
    ]
    return [*both, *((name, value, "") for name, value in alone)]


def control_line(report: Report) -> str:
    """What the control is, in a line."""
    return f"The same policy on {len(report.control)} shuffles of the bars, where there is no edge"


def control_rows(report: Report) -> Rows:
    """The control: name, the desk's, median, lowest and highest of the shuffles; nothing without one."""
    if not report.control:
        return []
    return [
        _spread("total return", _percent, report.curve.total_return, [each.total_return for each in report.control]),
        _spread("Sharpe", _ratio, report.curve.sharpe, [each.sharpe for each in report.control]),
    ]


def stretch_rows(report: Report) -> Rows:
    """The windows of a walk-forward."""
    return [
        (_moment(each.first), _moment(each.last), *_brief(each.curve), _percent(each.hold.total_return))
        for each in report.stretches
    ]


def counted(counts: dict[str, int]) -> Rows:
    """Reasons, and how often each."""
    return [(reason, str(times)) for reason, times in counts.items()]


def trade_rows(trades: Iterable[Trade]) -> Rows:
    """Trades."""
    return [
        (
            _moment(trade.opened),
            _moment(trade.closed),
            trade.symbol,
            trade.side,
            f"{trade.quantity:.4f}",
            price_text(trade.entry),
            price_text(trade.exit),
            f"{trade.pnl:+.2f}",
            trade.reason,
        )
        for trade in trades
    ]


def _brief(curve: Curve) -> tuple[str, str, str]:
    return _percent(curve.total_return), _ratio(curve.sharpe), _percent(curve.max_drawdown)


def _spread(name: str, text: Text, desk: float | None, others: Sequence[float | None]) -> tuple[str, ...]:
    known = [value for value in others if value is not None]
    spread = (median(known), min(known), max(known)) if known else (None, None, None)
    return (name, *map(text, (desk, *spread)))


def _percent(fraction: float | None) -> str:
    return NONE if fraction is None else f"{100 * fraction:+.3f} %" if fraction else "0 %"


def _share(fraction: float | None) -> str:
    return NONE if fraction is None else f"{100 * fraction:.2f} %"


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _moment(moment: datetime | None) -> str:
    return NONE if moment is None else f"{moment:%Y-%m-%d %H:%M}"
