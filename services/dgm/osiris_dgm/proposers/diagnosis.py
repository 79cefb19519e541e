"""What went wrong, in words that a model and a person can read."""

from collections import Counter
from collections.abc import Sequence

from osiris_contracts import Trace


def diagnose(worst: Sequence[Trace]) -> str:
    """The worst traces and what they have in common; '' without any."""
    if not worst:
        return ""
    lines = [_line(trace) for trace in worst]
    sides = Counter(trace.decision.proposal.side for trace in worst if trace.decision.proposal)
    side, count = sides.most_common(1)[0]
    fees = sum(trace.outcome.fees for trace in worst)
    lost = -sum(trace.outcome.pnl for trace in worst)
    lines.append(f"{count} of {len(worst)} were {side or 'flat'}; fees were {fees:.2f} of {lost:.2f} lost.")
    return "\n".join(lines)


def _line(trace: Trace) -> str:
    outcome, proposal = trace.outcome, trace.decision.proposal
    move = 100 * (outcome.exit_close / outcome.entry_close - 1)
    did = f"{proposal.action} {proposal.side or ''}".strip() if proposal else "nothing"
    return f"{outcome.symbol}: {did}; the price moved {move:+.3f} %, the desk earned {outcome.return_pct:+.4f} %."
