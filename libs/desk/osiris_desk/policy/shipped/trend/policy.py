"""Follow the trend of the last closes, without a model."""

import math

from osiris_desk.policy import Features, Intent, Limits, Side

GATE = Limits()
ENTRY = 1.0  # standard deviations of a random walk as long as the history
EXIT = 0.0
SIZE = 0.5
STOP = 3.0  # in moves of one run
TARGET = 6.0


def prompt(features: Features) -> str | None:
    """Nobody is asked."""
    return None


def strength(features: Features) -> float:
    """The move over the history, in standard deviations of a random walk as long and as volatile."""
    steps = len(features.closes) - 1
    if steps < 10 or features.volatility == 0:
        return 0.0
    return features.history_return / (features.volatility * math.sqrt(steps))


def entry(features: Features, proposed: Intent | None) -> Side | None:
    """Go with a move that chance alone seldom makes; keep what is held."""
    if features.quantity != 0:
        return None
    if strength(features) > ENTRY:
        return "LONG"
    if strength(features) < -ENTRY:
        return "SHORT"
    return None


def exit(features: Features, proposed: Intent | None) -> bool:
    """When the move has turned against the position."""
    if features.quantity > 0:
        return strength(features) < EXIT
    if features.quantity < 0:
        return strength(features) > -EXIT
    return False


def size(features: Features, proposed: Intent | None) -> float:
    """Always the same."""
    return SIZE


def stop(features: Features, proposed: Intent | None) -> float | None:
    """So far that the noise of a few runs does not reach it."""
    return _moves(features, STOP)


def target(features: Features, proposed: Intent | None) -> float | None:
    """Farther than the stop: a trend pays for the many that are none."""
    return _moves(features, TARGET)


def critique(features: Features, intent: Intent, asked: str | None) -> str | None:
    """Nobody is asked."""
    return None


def _moves(features: Features, count: float) -> float | None:
    """`count` moves of one run, percent; None when there are none."""
    distance = 100 * count * features.volatility * math.sqrt(features.bars)
    return min(distance, 50.0) if distance > 0 else None
