"""How often what each version proposed was accepted. No clock, no I/O, no model."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from uuid import UUID

from osiris_contracts import Feedback, ProposalCreated
from osiris_inference.comparison import Interval, difference

REMEMBERED = 10_000
"""Proposals that are known at most, the newest."""

FEWEST_ANSWERS = 10
"""Of each version, before they are compared."""


@dataclass(slots=True)
class _Answer:
    version: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """Proposals of a version, and how many of them were accepted."""

    answers: int
    accepted: int


class Acceptance:
    """What became of proposals, told in any order, the same one as often as one likes.

    A proposal is accepted unless the desk's gate refused it or its owner corrected it or rated it below 0.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[UUID, _Answer] = OrderedDict()
        self._refused: OrderedDict[UUID, bool] = OrderedDict()

    def proposed(self, event: ProposalCreated) -> None:
        """A proposal, with what the desk's gate says of it."""
        accepted = event.verdict is None or event.verdict.accepted
        self._answers[event.transaction_id] = _Answer(event.model_version, accepted)
        _bound(self._answers)

    def said(self, feedback: Feedback) -> None:
        """What its owner says; the last word counts, a comment says neither."""
        refused = feedback.feedback_type == "correction" or (feedback.rating or 0) < 0
        if refused or (feedback.rating or 0) > 0:
            self._refused[feedback.transaction_id] = refused
            _bound(self._refused)

    def of(self, version: str) -> Tally:
        """How a version does."""
        counted = Counter(
            each.accepted and not self._refused.get(transaction, False)
            for transaction, each in self._answers.items()
            if each.version == version
        )
        return Tally(counted.total(), counted[True])


def gap(new: Tally, old: Tally) -> Interval | None:
    """How much larger the acceptance of the new version is; None while one of them answered too little to tell."""
    if min(new.answers, old.answers) < FEWEST_ANSWERS:
        return None
    return difference(new.accepted, new.answers, old.accepted, old.answers)


def _bound(known: "OrderedDict[UUID, _Answer] | OrderedDict[UUID, bool]") -> None:
    while len(known) > REMEMBERED:
        known.popitem(last=False)
