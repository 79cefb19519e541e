"""Whether one version does better than another, and how sure that is. No model, no clock, no I/O."""

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and the bounds between which the truth lies with a confidence of 95 %."""

    estimate: float
    low: float
    high: float


def proportion(successes: int, trials: int) -> Interval:
    """A share of `trials`, with the score interval (Wilson 1927, "Probable inference, the law of succession, and
    statistical inference", JASA 22, 209-212), which holds for few trials too; without a trial, anything from 0 to 1.

    Raises:
        ValueError: more successes than trials, or fewer than none.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 to {trials} successes, was {successes}")
    if trials == 0:
        return Interval(0.5, 0.0, 1.0)
    share = successes / trials
    weight = 1 + _Z**2 / trials
    centre = (share + _Z**2 / (2 * trials)) / weight
    half = _Z / weight * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    low = 0.0 if successes == 0 else centre - half  # exactly so, without what rounding leaves
    high = 1.0 if successes == trials else centre + half
    return Interval(share, low, high)


def win_rate(wins: int, losses: int) -> Interval:
    """The share of paired comparisons that were won, of those that were not a tie.

    A tie tells nothing of who is better (the sign test: Dixon and Mood 1946, "The statistical sign test", JASA 41,
    557-566); the interval is `proportion`'s. Better than chance: its lower bound is above a half.
    """
    return proportion(wins, wins + losses)


def difference(successes: int, trials: int, other_successes: int, other_trials: int) -> Interval:
    """How much larger the first of two shares is that were counted on different trials, -1 to 1.

    The interval is made of the two shares' score intervals (Newcombe 1998, "Interval estimation for the difference
    between independent proportions", Statistics in Medicine 17, 873-890, method 10). Below it: its upper bound is
    under 0.
    """
    first, second = proportion(successes, trials), proportion(other_successes, other_trials)
    estimate = first.estimate - second.estimate
    low = estimate - math.hypot(first.estimate - first.low, second.high - second.estimate)
    high = estimate + math.hypot(first.high - first.estimate, second.estimate - second.low)
    return Interval(estimate, max(-1.0, low), min(1.0, high))


def median(values: list[float]) -> Interval:
    """The median, with the interval between two order statistics that a binomial count gives, whatever the
    distribution (Conover 1999, "Practical Nonparametric Statistics", section 3.2); too few values: their range.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("expected at least one value, there is none")
    ordered = sorted(values)
    count = len(ordered)
    outside = (1 - CONFIDENCE) / 2
    below, cut = 0.0, 0
    while (below := below + math.comb(count, cut) / 2**count) <= outside:
        cut += 1
    skipped = max(0, cut - 1)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return Interval(middle, ordered[skipped], ordered[-1 - skipped])
