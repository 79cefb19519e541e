"""How a critique is asked for, and how its score is read."""

import re

from osiris_contracts.generation import Example, GenerateRequest
from osiris_contracts.proposal import Proposal

_SYSTEM = (
    "You are the risk critic of a trading desk. In two or three plain sentences say what is right and what is wrong "
    "with the proposal. End with one line: Score: N/10, where 0 is reckless and 10 is excellent."
)
_TEMPERATURE = 0.3

# "Score: 7/10", "score - 7.5", "**Score:** 8 out of 10"; the number must stand alone, so "Score: 100" holds none.
_SCORE = re.compile(r"\bscore\b[\s:*=_-]*(\d{1,2}(?:\.\d+)?)(?![\d.]*\d)", re.IGNORECASE)


def critique_request(
    situation: str, proposal: Proposal, *, max_length: int, seed: int | None = None
) -> GenerateRequest:
    """The request that asks hermes to critique `proposal`, made in `situation`, in `max_length` tokens at most."""
    return GenerateRequest(
        prompt=_prompt(situation, proposal),
        system=_SYSTEM,
        examples=_EXAMPLES,
        max_length=max_length,
        temperature=_TEMPERATURE,
        seed=seed,
    )


def parse_score(text: str) -> float | None:
    """The last score from 0 to 10 that `text` states, or None: a score is read, never invented."""
    for match in reversed(_SCORE.findall(text)):
        if (score := float(match)) <= 10:
            return score
    return None


def _prompt(situation: str, proposal: Proposal) -> str:
    terms = proposal.model_dump_json(exclude={"rationale"}, exclude_none=True)
    return f"{situation}\n\nProposal: {terms}\nIts rationale: {proposal.rationale}\n\nYour critique, then the score:"


# Two answers teach the form: without them a small model writes on and gives no score.
_EXAMPLES = (
    Example(
        prompt=_prompt(
            "SPY close 512.4\nReturn +0.61% in 5 bars, +1.2% in 20: trend up\nVolatility 0.18% a bar\n"
            "Range 508.9 to 512.6, close at 95% of it\nPosition none",
            Proposal(
                ticker="SPY",
                action="adjust",
                side="LONG",
                new_stop_pct=0.6,
                new_target_pct=1.2,
                confidence=0.7,
                rationale="The trend is up, and the close is near the high.",
            ),
        ),
        answer="The proposal follows the trend, and the stop is wide enough for the volatility. The target is twice "
        "the stop, which pays for the risk. A close so near the high may pull back first.\nScore: 7/10",
    ),
    Example(
        prompt=_prompt(
            "OIL close 71.3\nReturn -0.85% in 5 bars, -1.6% in 20: trend down\nVolatility 0.25% a bar\n"
            "Range 71.2 to 72.1, close at 11% of it\nPosition none",
            Proposal(
                ticker="OIL",
                action="adjust",
                side="LONG",
                new_stop_pct=5.0,
                new_target_pct=1.0,
                confidence=0.9,
                rationale="Oil is cheap.",
            ),
        ),
        answer="The proposal buys while the price falls, so it goes against the trend. The stop of 5% is far too wide "
        "for a volatility of 0.25%, and the confidence is too high.\nScore: 2/10",
    ),
)
