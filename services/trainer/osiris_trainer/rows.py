"""What is recorded of an event: a flat row for its table, a line for its log."""

import json
from typing import Any

import pyarrow as pa

from osiris_contracts import Feedback, ProposalAssessed, ProposalCreated

_TIME = pa.timestamp("us", tz="UTC")

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
    ]
)
ASSESSMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("assessed_at", _TIME),
        ("origin", pa.string()),
        ("proposal", pa.string()),
        ("assessment", pa.string()),
        ("score", pa.float64()),
        ("model_version", pa.string()),
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
    corrected = event.corrected_proposal
    return {
        "id": str(event.feedback_id),
        "transaction_id": str(event.transaction_id),
        "received_at": event.received_at,
        "feedback_type": event.feedback_type,
        "feedback_content": json.dumps(event.feedback_content, ensure_ascii=False),
        "corrected_proposal": corrected.model_dump_json() if corrected else None,
        "schema_version": event.schema_version,
    }


def feedback_line(event: Feedback) -> dict[str, Any]:
    """A line of phi3_feedback_data.jsonl."""
    return {"id": str(event.feedback_id), **event.model_dump(mode="json")}
