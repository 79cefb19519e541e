"""How a critique is asked for, and how its score is read."""

import re

from osiris_contracts.proposal import Proposal

CRITIC_SYSTEM_PROMPT = (
    "You are the risk critic of a trading desk. In two or three plain sentences say what is right and what is wrong "
    "with the proposal. End with one line: Score: N/10, where 0 is reckless and 10 is excellent."
)

# "Score: 7/10", "score - 7.5", "**Score:** 8 out of 10"; the number must stand alone, so "Score: 100" holds none.
_SCORE = re.compile(r"\bscore\b[\s:*=_-]*(\d{1,2}(?:\.\d+)?)(?![\d.]*\d)", re.IGNORECASE)


def critique_prompt(situation: str, proposal: Proposal) -> str:
    """The prompt that asks hermes to critique `proposal`, made in `situation`."""
    terms = proposal.model_dump_json(exclude={"rationale"}, exclude_none=True)
    return f"{situation}\n\nProposal: {terms}\nIts rationale: {proposal.rationale}\n\nYour critique, then the score:"


def parse_score(text: str) -> float | None:
    """The last score from 0 to 10 that `text` states, or None: a score is read, never invented."""
    scores = [float(match) for match in _SCORE.findall(text)]
    return next((score for score in reversed(scores) if 0 <= score <= 10), None)
