"""A decision as a flat row of the table of runs."""

from typing import Any

import pyarrow as pa

from osiris_contracts import Decision

_TIME = pa.timestamp("us", tz="UTC")

RUNS = pa.schema(
    [
        ("id", pa.string()),
        ("sequence", pa.int64()),
        ("symbol", pa.string()),
        ("status", pa.string()),
        ("first_bar", _TIME),
        ("last_bar", _TIME),
        ("close", pa.float64()),
        ("action", pa.string()),
        ("side", pa.string()),
        ("confidence", pa.float64()),
        ("new_stop_pct", pa.float64()),
        ("new_target_pct", pa.float64()),
        ("rationale", pa.string()),
        ("phi3_version", pa.string()),
        ("accepted", pa.bool_()),
        ("reasons", pa.string()),
        ("critique", pa.string()),
        ("score", pa.float64()),
        ("hermes_version", pa.string()),
        ("order_side", pa.string()),
        ("order_quantity", pa.float64()),
        ("stop_price", pa.float64()),
        ("target_price", pa.float64()),
        ("error", pa.string()),
        ("position", pa.float64()),
        ("cash", pa.float64()),
        ("nav", pa.float64()),
        ("realised_pnl", pa.float64()),
        ("daily_pnl", pa.float64()),
        ("fees", pa.float64()),
        ("policy_version", pa.string()),
        ("decision", pa.string()),
    ]
)
"""One row a run, keyed by its id; `decision` holds the whole of it as JSON."""


def run_row(decision: Decision) -> dict[str, Any]:
    """A row of RUNS."""
    proposal, verdict, critique, order = decision.proposal, decision.verdict, decision.critique, decision.order
    return {
        "id": str(decision.run_id),
        "sequence": decision.sequence,
        "symbol": decision.symbol,
        "status": decision.status,
        "first_bar": decision.bars.first,
        "last_bar": decision.bars.last,
        "close": decision.bars.close,
        "action": proposal.action if proposal else None,
        "side": proposal.side if proposal else None,
        "confidence": proposal.confidence if proposal else None,
        "new_stop_pct": proposal.new_stop_pct if proposal else None,
        "new_target_pct": proposal.new_target_pct if proposal else None,
        "rationale": proposal.rationale if proposal else None,
        "phi3_version": decision.phi3_version,
        "accepted": verdict.accepted if verdict else None,
        "reasons": "; ".join(verdict.reasons) if verdict else None,
        "critique": critique.text if critique else None,
        "score": critique.score if critique else None,
        "hermes_version": critique.model_version if critique else None,
        "order_side": order.side if order else None,
        "order_quantity": order.quantity if order else None,
        "stop_price": order.stop_price if order else None,
        "target_price": order.target_price if order else None,
        "error": decision.error,
        "position": decision.book.position.quantity,
        "cash": decision.book.cash,
        "nav": decision.book.nav,
        "realised_pnl": decision.book.realised_pnl,
        "daily_pnl": decision.book.daily_pnl,
        "fees": decision.book.fees,
        "policy_version": decision.policy_version,
        "decision": decision.model_dump_json(),
    }
