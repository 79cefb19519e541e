"""Ask phi3, do as it proposes, and let hermes critique it."""

import math
from decimal import Decimal

from osiris_desk.policy import Features, Intent, Limits, Side

GATE = Limits()


def prompt(features: Features) -> str:
    """Ask what to do now."""
    return f"{situation(features)}\n\nPropose what to do with {features.symbol} now: adjust, pass or abort."


def entry(features: Features, proposed: Intent | None) -> Side | None:
    """As proposed."""
    return proposed.side if proposed else None


def exit(features: Features, proposed: Intent | None) -> bool:
    """As proposed."""
    return proposed is not None and proposed.action == "abort"


def size(features: Features, proposed: Intent | None) -> float:
    """As confident as phi3 is."""
    return proposed.size if proposed else 0.0


def stop(features: Features, proposed: Intent | None) -> float | None:
    """As proposed."""
    return proposed.stop_pct if proposed else None


def target(features: Features, proposed: Intent | None) -> float | None:
    """As proposed."""
    return proposed.target_pct if proposed else None


def critique(features: Features, intent: Intent, asked: str | None) -> str:
    """The critic sees what phi3 saw."""
    return asked.partition("\n\n")[0] if asked else situation(features)


def situation(features: Features) -> str:
    """The market and the book in a few lines. Equal features, equal text.

    About 100 tokens when flat, 130 with a protected position (SmolLM2, a token a digit).
    """
    return (
        f"{features.symbol} close {_price(features.close)}\n"
        f"Return {100 * features.run_return:+.2f}% in {features.bars} bars, "
        f"{100 * features.history_return:+.2f}% in {len(features.closes)}: trend {trend(features)}\n"
        f"Volatility {100 * features.volatility:.2f}% a bar\n"
        f"Range {_price(features.low)} to {_price(features.high)}, close at {_place(features):.0f}% of it\n"
        f"Position {_position(features)}\n"
        f"NAV {features.nav:.0f}, today {features.daily_pnl:+.2f}"
    )


def trend(features: Features) -> str:
    """up, down, or flat: a move of less than half of what the volatility makes of a random walk that long."""
    move = math.log(features.close / features.open)
    if abs(move) <= 0.5 * features.volatility * math.sqrt(features.bars):
        return "flat"
    return "up" if move > 0 else "down"


def _place(features: Features) -> float:
    """Where the close lies in the range: 0 at the low, 100 at the high, 50 when there is no range."""
    reach = features.high - features.low
    return 100 * (features.close - features.low) / reach if reach > 0 else 50.0


def _position(features: Features) -> str:
    if features.quantity == 0:
        return "none"
    side = "LONG" if features.quantity > 0 else "SHORT"
    stop_at = "" if features.stop_price is None else f", stop {_price(features.stop_price)}"
    target_at = "" if features.target_price is None else f", target {_price(features.target_price)}"
    cost = _price(features.average_cost)
    return f"{side} {abs(features.quantity):.4f} at {cost}{stop_at}{target_at}, P&L {features.unrealised_pnl:+.2f}"


def _price(price: float) -> str:
    """Six significant digits, no exponent."""
    text = f"{price:.6g}"
    return f"{Decimal(text):f}" if "e" in text else text
