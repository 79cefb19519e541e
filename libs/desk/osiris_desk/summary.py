"""The market and the book in a few lines that a small model can read. Equal input, equal text."""

import math
from collections.abc import Sequence
from itertools import pairwise

from osiris_contracts import BarRange, PositionView, price_text
from osiris_desk.book import Book


def summarise(symbol: str, bars: BarRange, closes: Sequence[float], book: Book) -> str:
    """What a run looks at: about 100 tokens when flat, 130 with a protected position (SmolLM2, a token a digit).

    Args:
        symbol: the instrument.
        bars: the bars of the run.
        closes: the last closes, those of `bars` included, oldest first, at least one.
        book: marked at the last of them.
    """
    view = book.view(symbol)
    volatility = realised_volatility(closes)
    return "\n".join(
        (
            f"{symbol} close {price_text(bars.close)}",
            f"Return {_return(bars.open, bars.close)} in {bars.count} bars, "
            f"{_return(closes[0], closes[-1])} in {len(closes)}: trend {trend(bars, volatility)}",
            f"Volatility {100 * volatility:.2f}% a bar",
            f"Range {price_text(bars.low)} to {price_text(bars.high)}, close at {_place(bars):.0f}% of it",
            f"Position {_position(view.position, book.position(symbol).unrealised_pnl)}",
            f"NAV {view.nav:.0f}, today {view.daily_pnl:+.2f}",
        )
    )


def proposal_prompt(situation: str, symbol: str) -> str:
    """The prompt that asks phi3 what to do in `situation`."""
    return f"{situation}\n\nPropose what to do with {symbol} now: adjust, pass or abort."


def realised_volatility(closes: Sequence[float]) -> float:
    """Root mean square of the log returns, a fraction per bar; 0 for fewer than two closes.

    The realised volatility of Andersen and Bollerslev (1998), per bar instead of summed.
    """
    squares = [math.log(after / before) ** 2 for before, after in pairwise(closes)]
    return math.sqrt(math.fsum(squares) / len(squares)) if squares else 0.0


def trend(bars: BarRange, volatility: float) -> str:
    """up, down, or flat: a move of less than half of what `volatility` a bar makes of a random walk that long."""
    move = math.log(bars.close / bars.open)
    if abs(move) <= 0.5 * volatility * math.sqrt(bars.count):
        return "flat"
    return "up" if move > 0 else "down"


def _return(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.2f}%"


def _place(bars: BarRange) -> float:
    """Where the close lies in the range: 0 at the low, 100 at the high, 50 when there is no range."""
    return 100 * (bars.close - bars.low) / (bars.high - bars.low) if bars.high > bars.low else 50.0


def _position(position: PositionView, unrealised_pnl: float) -> str:
    if position.quantity == 0:
        return "none"
    side = "LONG" if position.quantity > 0 else "SHORT"
    levels = (("stop", position.stop_price), ("target", position.target_price))
    protection = "".join(f", {name} {price_text(level)}" for name, level in levels if level is not None)
    cost = price_text(position.average_cost)
    return f"{side} {abs(position.quantity):.4f} at {cost}{protection}, P&L {unrealised_pnl:+.2f}"
