"""Decides beside the current version on the bars that came since, and books nothing."""

from osiris_desk.market.bars import Bars
from osiris_dgm.sandbox.cell import Contained
from osiris_dgm.statistics.bootstrap import mean_interval
from osiris_dgm.verify.judge import Judge


def objection(judge: Judge, candidate: bytes, current: bytes, bars: Bars) -> str | None:
    """Why the candidate must not decide live, having decided `bars` in its cell; None for no objection."""
    try:
        mine = judge.returns(candidate, bars)
    except Contained as error:
        return str(error)
    gain = mean_interval(mine - judge.returns(current, bars))
    return f"it lost {-gain.mean:.3g} a bar to the current version" if gain.high < 0 else None
