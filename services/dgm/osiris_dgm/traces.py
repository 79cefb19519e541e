"""What the desk decided and what came of it, as the kernel learns from it."""

from collections import deque
from collections.abc import Iterable, Sequence

from osiris_contracts import Trace

KEPT = 500


class Traces:
    """The newest traces; those that contradict themselves are dropped and counted."""

    def __init__(self) -> None:
        self._kept: deque[Trace] = deque(maxlen=KEPT)
        self.dropped = 0

    def add(self, traces: Iterable[Trace]) -> list[Trace]:
        """Take in what is sound; returns it."""
        sound = []
        for trace in traces:
            if is_sound(trace):
                sound.append(trace)
            else:
                self.dropped += 1
        self._kept.extend(sound)
        return sound

    def worst(self, count: int) -> Sequence[Trace]:
        """The traces with the largest losses, the worst first."""
        losses = [trace for trace in self._kept if trace.outcome.return_pct < 0]
        return sorted(losses, key=lambda trace: trace.outcome.return_pct)[:count]


def is_sound(trace: Trace) -> bool:
    """Whether the outcome is that of the decision."""
    decision, outcome = trace.decision, trace.outcome
    return (
        decision.run_id == outcome.transaction_id
        and decision.symbol == outcome.symbol
        and decision.proposal is not None
        and outcome.decided_at <= outcome.observed_at
    )
