"""How alike two proposals are, field by field. What a rationale says is nobody's to count."""

from collections.abc import Callable, Mapping
from statistics import fmean
from types import MappingProxyType

from osiris_contracts import Proposal


def _same(ours: object, theirs: object) -> float:
    return float(ours == theirs)


def _near(ours: float | None, theirs: float | None) -> float:
    """The smaller distance in parts of the larger: 1 when they are equal; 0 when one is null or 0 alone."""
    if ours is None or theirs is None or ours == theirs:
        return float(ours == theirs)
    return min(ours, theirs) / max(ours, theirs)


def _close(ours: float, theirs: float) -> float:
    return 1 - abs(ours - theirs)


FIELDS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "ticker": _same,
        "action": _same,
        "side": _same,
        "new_stop_pct": _near,
        "new_target_pct": _near,
        "confidence": _close,
    }
)
"""The fields that count, and how alike two values are, 0 to 1."""


def agreement(answer: Proposal | None, correction: Proposal) -> dict[str, float]:
    """By field how alike `answer` is to `correction`, 0 to 1; an answer that is no proposal agrees in nothing."""
    if answer is None:
        return dict.fromkeys(FIELDS, 0.0)
    return {name: alike(getattr(answer, name), getattr(correction, name)) for name, alike in FIELDS.items()}


def score(answer: Proposal | None, correction: Proposal) -> float:
    """The mean over the fields, 0 to 1."""
    return fmean(agreement(answer, correction).values())
