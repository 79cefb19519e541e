"""Rows of the feedback and outcome tables, as the recorder writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from osiris_contracts import Feedback, Proposal
from osiris_trainer.rows import feedback_row

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def proposal(stop: float, target: float = 6.0, **changes: Any) -> Proposal:
    """Of a long position in SPY."""
    fields = {"ticker": "SPY", "action": "adjust", "side": "LONG", "confidence": 0.7, "rationale": "The trend is up."}
    return Proposal.model_validate(fields | {"new_stop_pct": stop, "new_target_pct": target} | changes)


def correction(number: int, **changes: Any) -> dict[str, Any]:
    """The owner's `number`-th correction, a minute after the one before: the stop is never under 2 %."""
    fields = {"feedback_type": "correction", "corrected_proposal": proposal(2 + number / 100)}
    return _row(number, **(fields | changes))


def rating(number: int, value: float, **changes: Any) -> dict[str, Any]:
    """A rating of the `number`-th proposal, an hour after the corrections."""
    fields = {"feedback_id": UUID(int=number + 10**6), "received_at": MONDAY + timedelta(hours=9, minutes=number)}
    return _row(number, feedback_type="rating", feedback_content=value, **(fields | changes))


def outcome(number: int, return_pct: float) -> dict[str, Any]:
    """What the market made of the `number`-th proposal."""
    return {"id": str(UUID(int=number)), "return_pct": return_pct}


def _row(number: int, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "feedback_id": UUID(int=number + 10**3),
        "transaction_id": UUID(int=number),
        "received_at": MONDAY + timedelta(minutes=number),
        "feedback_content": "too tight",
        "prompt": f"SPY close {500 + number}\nReturn +0.6% in 5 bars",
        "original_proposal": proposal(0.6),
    }
    return feedback_row(Feedback.model_validate(fields | changes))
