"""Whether a policy looks ahead: with the future cut off, what it decided in the past must stay the same."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from osiris_contracts import Decision
from osiris_desk.backtest.run import backtest
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_desk.policy.loading import LoadedPolicy
from osiris_desk.rules import Rules
from osiris_desk.venue.terms import Terms

MakePolicy = Callable[[Mapping[str, Bars]], LoadedPolicy]


class Peek(NamedTuple):
    """A decision that another future changed.

    Attributes:
        cut: the last bar there was when it changed.
        before: the decision with the whole future.
        after: with the future cut off; None when it was not made at all.
    """

    cut: datetime
    before: Decision
    after: Decision | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What was compared, and the first peek found; None for none."""

    cuts: int
    decisions: int
    peek: Peek | None


def look_for_peeks(
    make_policy: MakePolicy,
    bars: Mapping[str, Bars],
    *,
    cuts: int,
    seed: int = 0,
    rules: Rules | None = None,
    terms: Terms | None = None,
) -> Looked:
    """Run the bars whole, and again cut off at random bars, until a past decision changes.

    Args:
        make_policy: makes the policy anew for each run, of the bars that the run plays.
        bars: by symbol.
        cuts: how many.
    """
    whole = backtest(make_policy(bars), bars, rules, terms)
    compared, times = 0, whole.time.tolist()
    dice = random.Random(seed)  # noqa: S311  # where to cut is no secret
    for cut in sorted(dice.sample(times[1:], min(cuts, len(times) - 1))):
        last = dates.from_micros(cut)
        past = {symbol: part for symbol, all_ in bars.items() if len(part := all_.between(None, last))}
        expected = [each for each in whole.decisions if each.bars.last <= last]
        found = backtest(make_policy(past), past, rules, terms).decisions
        compared += len(expected)
        for place, before in enumerate(expected):
            after = found[place] if place < len(found) else None
            if after != before:
                return Looked(cuts, compared, Peek(last, before, after))
    return Looked(cuts, compared, None)
