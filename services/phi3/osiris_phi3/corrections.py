"""The corrections phi3 may be shown, and which of them a prompt is answered with. No clock, no I/O, no model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from osiris_contracts import Example, Feedback
from osiris_inference.embedding import Vector
from osiris_inference.proposing import written

REMEMBERED = 256
"""Corrections that are known at most, the newest."""

_EQUAL_DIGITS = 2  # similarities that differ by less than a hundredth are equal: the newest goes first
_NUMBER = re.compile(r"[-+]?\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Correction:
    """What the owner would have proposed in a situation.

    Attributes:
        id: the feedback.
        received_at: when, UTC.
        prompt: the situation.
        answer: the corrected proposal, as phi3 writes one.
    """

    id: UUID
    received_at: datetime
    prompt: str
    answer: str

    @property
    def shape(self) -> str:
        """The words of its situation without the numbers: two corrections alike in them are near-duplicates."""
        return " ".join(_NUMBER.sub("#", self.prompt).casefold().split())

    @property
    def age(self) -> tuple[datetime, UUID]:
        """Sorts the oldest first, the same whatever order they came in."""
        return self.received_at, self.id

    @property
    def example(self) -> Example:
        """As phi3 is shown it."""
        return Example(prompt=self.prompt, answer=self.answer)


def correction_of(feedback: Feedback) -> Correction | None:
    """The correction in `feedback`; None when there is none that phi3 should follow.

    A stop or target of 0 would close the position as it opens: the gate refuses it, and phi3 cannot write it.
    """
    corrected = feedback.corrected_proposal
    if feedback.feedback_type != "correction" or corrected is None or not (feedback.prompt or "").strip():
        return None
    if 0 in (corrected.new_stop_pct, corrected.new_target_pct):
        return None
    return Correction(feedback.feedback_id, feedback.received_at, feedback.prompt or "", written(corrected))


def newest(corrections: Iterable[Correction], count: int = REMEMBERED) -> list[Correction]:
    """The newest of each set of near-duplicates, `count` of them at most, oldest first."""
    by_shape = {each.shape: each for each in sorted(corrections, key=lambda each: each.age)}
    return sorted(by_shape.values(), key=lambda each: each.age)[-count:]


def ranked(vector: Vector, known: Sequence[tuple[Correction, Vector]]) -> list[Correction]:
    """The corrections nearest in meaning to `vector` first, among equals the newest."""

    def rank(pair: tuple[Correction, Vector]) -> tuple[float, float, UUID]:
        correction, its = pair
        similarity = round(float(vector @ its), _EQUAL_DIGITS)
        return -similarity, -correction.received_at.timestamp(), correction.id

    return [correction for correction, _ in sorted(known, key=rank)]


def fitting(ordered: Sequence[tuple[Correction, int]], count: int, tokens: int) -> tuple[Correction, ...]:
    """The first `count` that fit into `tokens` together; one that is too long is passed over.

    They come oldest first, whatever their rank: prompts that share them then begin alike, and what was computed for
    the one is known for the other.

    Args:
        ordered: corrections and their lengths in tokens, the most useful first.
    """
    chosen: list[Correction] = []
    for correction, length in ordered:
        if len(chosen) < count and length <= tokens:
            chosen.append(correction)
            tokens -= length
    return tuple(sorted(chosen, key=lambda each: each.age))
