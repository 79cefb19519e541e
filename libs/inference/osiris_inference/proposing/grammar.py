"""The proposal as a grammar: whatever the model draws, the answer is one the contract accepts.

Everything is bounded, or a weak model writes one field for ever: numbers have at most two decimals, the rationale is
printable ASCII without quote and backslash, so that a character is never more than one token.
"""

from typing import Any

from osiris_contracts import SYMBOL_PATTERN

RATIONALE_CHARACTERS = 240
_FRAME_TOKENS = 112  # everything but the rationale, at one token a character
_SHORTEST_RATIONALE = 16

MAX_TOKENS = _FRAME_TOKENS + RATIONALE_CHARACTERS
"""Tokens of the longest proposal."""

_NULL = {"type": "null"}
_PERCENT = {"type": "number", "minimum": 0.01, "maximum": 100, "multipleOf": 0.01}  # at 0 it would close as it opens
_CONFIDENCE = {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.01}


def proposal_schema(ticker: str | None, max_length: int) -> dict[str, Any]:
    """The schema of a proposal; the rationale comes before what follows from it, so that the model reasons first.

    Args:
        ticker: the only instrument allowed; None: any.
        max_length: tokens the sender allows; a short one shortens the rationale, never the validity.
    """
    room = max(_SHORTEST_RATIONALE, min(RATIONALE_CHARACTERS, max_length - _FRAME_TOKENS))
    symbol = {"const": ticker} if ticker else {"type": "string", "pattern": SYMBOL_PATTERN}
    rationale = {"type": "string", "pattern": rf"^[ !#-\[\]-~]{{1,{room}}}$"}
    either = {"anyOf": [_PERCENT, _NULL]}
    adjust = {"action": {"const": "adjust"}, "side": {"enum": ["LONG", "SHORT"]}}
    levels = {"new_stop_pct": either, "new_target_pct": either}
    leave = {"action": {"enum": ["pass", "abort"]}, "side": _NULL}
    none = {"new_stop_pct": _NULL, "new_target_pct": _NULL}
    return {
        "anyOf": [
            _object({"ticker": symbol, "rationale": rationale, **adjust, **levels, "confidence": _CONFIDENCE}),
            _object({"ticker": symbol, "rationale": rationale, **leave, **none, "confidence": _CONFIDENCE}),
        ]
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
