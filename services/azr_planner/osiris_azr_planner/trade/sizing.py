"""How much to hold."""

LEVERAGE = 2.0
FULL_SIZE_RISK, NO_SIZE_RISK = 0.3, 0.7
LEAST_CONTRACTS = 0.001

_MULTIPLIERS = {"MES": 5.0, "M2K": 5.0, "MNQ": 2.0}


def multiplier(instrument: str) -> float:
    """What a point of its price is worth, quote currency (CME's contract specifications); 1 of what is no future."""
    return _MULTIPLIERS.get(instrument, 1.0)


def size(risk: float, equity: float, leverage: float = LEVERAGE) -> float:
    """What to hold, quote currency: equity × leverage up to a risk of 0.3, from there linearly down to 0 at 0.7."""
    share = (NO_SIZE_RISK - risk) / (NO_SIZE_RISK - FULL_SIZE_RISK)
    return equity * leverage * min(1.0, max(0.0, share))


def contracts(value: float, close: float, instrument: str) -> float:
    """`value` in contracts, or units."""
    return value / (close * multiplier(instrument))
