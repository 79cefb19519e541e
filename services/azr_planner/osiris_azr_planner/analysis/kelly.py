"""Which share of equity to put at stake, for it to grow fastest in the long run."""


def kelly(win_probability: float, payoff_ratio: float) -> float:
    """p - (1 - p) / b (Kelly 1956), 0 where the odds are bad.

    Args:
        win_probability: p, 0 to 1.
        payoff_ratio: b, what a win brings over what a loss costs, > 0.
    """
    return max(0.0, win_probability - (1 - win_probability) / payoff_ratio)


def kelly_of_returns(mean: float, volatility: float, risk_free_rate: float, *, most: float) -> float:
    """(mean - risk-free rate) / volatility², from 0 to `most` (Thorp 2006).

    Args:
        mean, volatility, risk_free_rate: of a year, fractions.
        most: the share that is enough, for returns that hardly vary.
    """
    excess = mean - risk_free_rate
    if excess <= 0:
        return 0.0
    variance = volatility**2
    return most if excess >= most * variance else excess / variance
