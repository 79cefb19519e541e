"""What is recorded of an event: a flat row for its table, a line for its log."""

import json
from datetime import datetime
from typing import Any

import pyarrow as pa

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated, ProposalOutcome

SCHEMA_VERSION = "1.1"
"""Of the columns below. New ones go to the end; tables of an earlier version get them when they are opened."""

OLDER = {"schema_version": "1.0"}
"""What rows of the version before have in new columns that must hold something."""

_TIME = pa.timestamp("us", tz="UTC")
_VERSION = pa.field("schema_version", pa.string(), nullable=False)

PROPOSALS = pa.schema(
    [
        ("id", pa.string()),
        ("created_at", _TIME),
        ("origin", pa.string()),
        ("ticker", pa.string()),
        ("action", pa.string()),
        ("confidence", pa.float64()),
        ("prompt", pa.string()),
        ("proposal", pa.string()),
        ("model_version", pa.string()),
        ("few_shot", pa.string()),
        ("corrections", pa.string()),
        _VERSION,
    ]
)
"""`few_shot` is the arm, off or on, `corrections` the feedback ids shown to phi3, as a JSON list."""
ASSESSMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("assessed_at", _TIME),
        ("origin", pa.string()),
        ("proposal", pa.string()),
        ("assessment", pa.string()),
        ("score", pa.float64()),
        ("model_version", pa.string()),
        _VERSION,
    ]
)
FEEDBACK = pa.schema(
    [
        ("id", pa.string()),
        ("transaction_id", pa.string()),
        ("received_at", _TIME),
        ("feedback_type", pa.string()),
        ("feedback_content", pa.string()),
        ("corrected_proposal", pa.string()),
        ("schema_version", pa.string()),
        ("rating", pa.float64()),
        ("prompt", pa.string()),
        ("original_proposal", pa.string()),
    ]
)
OUTCOMES = pa.schema(
    [
        ("id", pa.string()),
        ("recorded_at", _TIME),
        ("symbol", pa.string()),
        ("decided_at", _TIME),
        ("observed_at", _TIME),
        ("horizon_bars", pa.int64()),
        ("entry_close", pa.float64()),
        ("exit_close", pa.float64()),
        ("pnl", pa.float64()),
        ("fees", pa.float64()),
        ("return_pct", pa.float64()),
        _VERSION,
    ]
)


def proposal_row(event: ProposalCreated) -> dict[str, Any]:
    """A row of PROPOSALS, keyed by transaction."""
    return {
        "id": str(event.transaction_id),
        "created_at": event.created_at,
        "origin": event.origin,
        "ticker": event.proposal.ticker,
        "action": event.proposal.action,
        "confidence": event.proposal.confidence,
        "prompt": event.prompt,
        "proposal": event.proposal.model_dump_json(),
        "model_version": event.model_version,
        "few_shot": event.few_shot.arm if event.few_shot else None,
        "corrections": json.dumps([str(each) for each in event.few_shot.corrections]) if event.few_shot else None,
        "schema_version": SCHEMA_VERSION,
    }


def assessment_row(event: ProposalAssessed) -> dict[str, Any]:
    """A row of ASSESSMENTS, keyed by transaction."""
    return {
        "id": str(event.transaction_id),
        "assessed_at": event.assessed_at,
        "origin": event.origin,
        "proposal": event.proposal.model_dump_json(),
        "assessment": event.assessment,
        "score": event.score,
        "model_version": event.model_version,
        "schema_version": SCHEMA_VERSION,
    }


def assessment_line(event: ProposalAssessed) -> dict[str, Any]:
    """A line of phi3_feedback_log.jsonl: what was asked, proposed and said of it."""
    return {
        "id": str(event.transaction_id),
        "transaction_id": str(event.transaction_id),
        "timestamp": event.assessed_at.isoformat(),
        "origin": event.origin,
        "prompt": event.prompt,
        "phi3_proposal": event.proposal.model_dump(mode="json"),
        "hermes_assessment": event.assessment,
        "hermes_score": event.score,
        "hermes_version": event.model_version,
    }


def feedback_row(event: Feedback) -> dict[str, Any]:
    """A row of FEEDBACK."""
    corrected, original = event.corrected_proposal, event.original_proposal
    return {
        "id": str(event.feedback_id),
        "transaction_id": str(event.transaction_id),
        "received_at": event.received_at,
        "feedback_type": event.feedback_type,
        "feedback_content": json.dumps(event.feedback_content, ensure_ascii=False),
        "corrected_proposal": corrected.model_dump_json() if corrected else None,
        "schema_version": event.schema_version,
        "rating": event.rating,
        "prompt": event.prompt,
        "original_proposal": original.model_dump_json() if original else None,
    }


def feedback_line(event: Feedback) -> dict[str, Any]:
    """A line of phi3_feedback_data.jsonl."""
    return {"id": str(event.feedback_id), **event.model_dump(mode="json")}


def outcome_row(event: ProposalOutcome, recorded_at: datetime) -> dict[str, Any]:
    """A row of OUTCOMES, keyed by transaction; bars may be of any year, so it says when it was recorded as well."""
    facts = event.model_dump(exclude={"transaction_id"})
    return {
        "id": str(event.transaction_id),
        "recorded_at": recorded_at,
        **facts,
        "schema_version": SCHEMA_VERSION,
    }
