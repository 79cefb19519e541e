"""How likely the next trade ends with a gain."""

_PRIOR_WINS, _PRIOR_TRADES = 3, 7


def confidence(wins: int, losses: int) -> float:
    """(w + 3) / (w + l + 7): the mean of a belief that began as Beta(3, 4), Laplace's rule generalised."""
    return (wins + _PRIOR_WINS) / (wins + losses + _PRIOR_TRADES)
