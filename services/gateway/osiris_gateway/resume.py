"""Where a client stopped reading a streamed answer: how many events it has, of each answer of the call."""

from collections.abc import Sequence


class Progress:
    """Counts the events of each answer; the counts, joined by dots, are the id of an event.

    Args:
        answers: how many answers the call has.
        resume: counts of the event after which a client comes back.
        told: whether events have ids: where a client cannot come back, they would be a false promise.
    """

    def __init__(self, answers: int, resume: Sequence[int] = (), *, told: bool = True) -> None:
        self._told = told
        self._counts = [0] * answers
        self._resume = tuple(resume) if len(resume) == answers else (0,) * answers

    def take(self, index: int) -> bool:
        """Count an event of answer `index`; whether it is new to the client."""
        self._counts[index] += 1
        return self._counts[index] > self._resume[index]

    @property
    def event_id(self) -> str:
        """Of the event counted last; '' where ids are not told."""
        return "" if not self._told else ".".join(map(str, self._counts))
