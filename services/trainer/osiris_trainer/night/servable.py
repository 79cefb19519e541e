"""A proposal in the words that phi3's grammar lets it write."""

import unicodedata

from osiris_contracts import Proposal

_LEAST_PERCENT = 0.01
_INSTEAD = str.maketrans({'"': "'", "\\": "/", "\n": " ", "\t": " "})


def servable(proposal: Proposal) -> Proposal | None:
    """The same with two decimals and a rationale in printable ASCII; None where a stop or target is nearly 0, which
    would close the position as it opens."""
    adjust = proposal.action == "adjust"
    levels = {
        name: _two(value) if adjust and (value := getattr(proposal, name)) is not None else None
        for name in ("new_stop_pct", "new_target_pct")
    }
    if any(value is not None and value < _LEAST_PERCENT for value in levels.values()):
        return None
    plain = unicodedata.normalize("NFKD", proposal.rationale.translate(_INSTEAD))
    rationale = "".join(letter for letter in plain if " " <= letter <= "~").strip() or "-"
    fields = proposal.model_dump() | levels | {"confidence": _two(proposal.confidence), "rationale": rationale[:240]}
    return Proposal.model_validate(fields)


def _two(value: float) -> float:
    return round(value, 2)
