"""A proposal as phi3 writes one: in the grammar's order, without spaces."""

import json

from osiris_contracts import Proposal

_ORDER = ("ticker", "rationale", "action", "side", "new_stop_pct", "new_target_pct", "confidence")


def written(proposal: Proposal) -> str:
    """The text of `proposal`; one that came from phi3 gives the text it came from, but for trailing zeros."""
    fields = proposal.model_dump(mode="json")
    return json.dumps({name: fields[name] for name in _ORDER}, ensure_ascii=False, separators=(",", ":"))
