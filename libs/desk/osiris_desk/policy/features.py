"""What the desk knows at a run, as its policy sees it."""

import math
from collections.abc import Sequence
from operator import truediv

from osiris_contracts import BarRange
from osiris_desk.book import Book
from osiris_desk.policy.interface import Features
from osiris_desk.window import Window

_LOG_2 = math.log(2)

MOST = 1e200
"""Where a volume or an exposure ends, so that what is computed from it stays finite."""


def features_of(symbol: str, window: Window, bars: BarRange, book: Book) -> Features:
    """The features of a run on `window`, whose bars come to `bars`, `book` being marked at the last of them."""
    closes, low, high, last = window.closes, bars.low, bars.high, bars.close
    position, nav = book.position(symbol), book.nav
    return Features(
        symbol=symbol,
        bars=bars.count,
        open=bars.open,
        high=high,
        low=low,
        close=last,
        volume=math.fsum([min(bar.volume, MOST) for bar in window.bars]),
        closes=closes,
        run_return=last / bars.open - 1,
        history_return=closes[-1] / closes[0] - 1,
        volatility=realised_volatility(closes),
        range_place=(last - low) / (high - low) if high > low else 0.5,
        quantity=position.quantity,
        average_cost=position.average_cost,
        stop_price=position.stop_price,
        target_price=position.target_price,
        unrealised_pnl=position.unrealised_pnl,
        exposure=max(-MOST, min(position.quantity * position.price / nav, MOST)) if nav > 0 else 0.0,
        nav=nav,
        daily_pnl=book.daily_pnl,
    )


def realised_volatility(closes: Sequence[float]) -> float:
    """Root mean square of the log returns, a fraction per bar; 0 for fewer than two closes.

    The realised volatility of Andersen and Bollerslev (1998), per bar instead of summed.
    """
    if len(closes) < 2:
        return 0.0
    doublings = map(math.log2, map(truediv, closes[1:], closes))  # log2 costs half of log
    return math.hypot(*doublings) * _LOG_2 / math.sqrt(len(closes) - 1)
