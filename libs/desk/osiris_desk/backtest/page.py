"""A backtest as one HTML file that needs no other: tables, and curves as SVG."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from osiris_desk.backtest.report import Report
from osiris_desk.backtest.rows import control_line, control_rows, counted, measure_rows, stretch_rows, trade_rows
from osiris_desk.market.bars import Floats

WIDTH, HEIGHT = 960, 240
MOST_POINTS = 1_000
MOST_TRADES = 500

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid #d8dee4; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; background: #f6f8fa; } figcaption { color: #57606a; font-size: .85rem; }
figure { margin: 1rem 0; } .desk { stroke: #0969da; } .hold { stroke: #8c959f; }
.fall { fill: #cf222e33; stroke: #cf222e; }
.win { fill: #1a7f37; } .loss { fill: #cf222e; } path { fill: none; stroke-width: 1.5; }
"""


def page(report: Report) -> str:
    """The whole file."""
    title = f"Backtest of {report.policy} on {', '.join(report.symbols)}"
    period = f"{report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M}, {len(report.time)} bars"
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(period)}. Models: {escape(report.models)}.</p>",
        _figure("Equity, and that of buying and holding (grey)", _equity(report)),
        _figure("Drawdown, percent", _drawdown(report.equity)),
        _section("Measures", ("", "desk", "buy and hold"), measure_rows(report)),
        _section(control_line(report), ("", "desk", "median", "lowest", "highest"), control_rows(report)),
        _section("Walk-forward", ("from", "to", "return", "Sharpe", "drawdown", "hold"), stretch_rows(report)),
        _section("Rejected by the gate", ("reason", "times"), counted(report.rejected)),
        _section("Refused by the venue", ("reason", "times"), counted(report.refused)),
        _section("Failed runs", ("reason", "times"), counted(report.failed)),
        _section(
            f"Trades, the last {MOST_TRADES} of {len(report.trades)}",
            ("opened", "closed", "symbol", "side", "units", "entry", "exit", "P&L", "by"),
            trade_rows(report.trades[-MOST_TRADES:]),
        ),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _figure(caption: str, drawing: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(caption)}">{drawing}</svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _equity(report: Report) -> str:
    """The desk in its own scale, and buying and holding in its own: they seldom risk the same."""
    desk, hold = _path(report.equity), _path(report.hold_equity)
    return f'<path class="hold" d="{hold}"/><path class="desk" d="{desk}"/>{_marks(report)}'


def _marks(report: Report) -> str:
    """A dot where a trade was closed: green for a gain."""
    rows = np.searchsorted(report.time, [int(trade.closed.timestamp() * 1e6) for trade in report.trades])
    x, y = _scaled(report.equity)
    return "".join(
        f'<circle class="{"win" if trade.pnl > 0 else "loss"}" cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="2"/>'
        for trade, row in list(zip(report.trades, rows.tolist(), strict=True))[-MOST_TRADES:]
    )


def _drawdown(equity: Floats) -> str:
    fall = equity / np.maximum.accumulate(equity) - 1
    lowest = float(fall.min())
    labels = f'<text x="6" y="{HEIGHT - 8}" font-size="13">{100 * lowest:.2f} %</text>'
    return f'<path class="fall" d="{_path(fall)}L{WIDTH} 0L0 0Z"/>{labels}'


def _scaled(values: Floats) -> tuple[Floats, Floats]:
    low, high = float(values.min()), float(values.max())
    reach = high - low or 1.0
    x = np.linspace(0, WIDTH, len(values))
    return x, HEIGHT - (HEIGHT - 8) * (values - low) / reach - 4


def _path(values: Floats) -> str:
    x, y = _scaled(values)
    rows = np.unique(np.linspace(0, len(values) - 1, MOST_POINTS).astype(int))
    return "M" + "L".join(f"{x[row]:.1f} {y[row]:.1f}" for row in rows)
