"""How phi3 is asked for a proposal, trained and judged alike: what it is told before, the grammar of the answer."""

from osiris_inference.proposing.answer import written
from osiris_inference.proposing.grammar import MAX_TOKENS, RATIONALE_CHARACTERS, proposal_schema
from osiris_inference.proposing.prompt import EXAMPLES, SYSTEM_PROMPT
from osiris_inference.proposing.request import proposal_request

__all__ = [
    "EXAMPLES",
    "MAX_TOKENS",
    "RATIONALE_CHARACTERS",
    "SYSTEM_PROMPT",
    "proposal_request",
    "proposal_schema",
    "written",
]
