"""A situation as phi3 answers it when nobody corrected it yet: fixed examples, greedy, bound to the grammar."""

from osiris_contracts import GenerateRequest
from osiris_inference.conversation import conversation
from osiris_inference.proposing.grammar import MAX_TOKENS, proposal_schema
from osiris_inference.proposing.prompt import EXAMPLES, SYSTEM_PROMPT
from osiris_inference.protocol import GenerationRequest


def proposal_request(name: str, situation: str, ticker: str | None) -> GenerationRequest:
    """The request that asks for a proposal.

    Args:
        name: id of the request.
        situation: the market summary.
        ticker: the instrument it must be for; None: any.
    """
    asked = GenerateRequest(prompt=situation, ticker=ticker)
    return GenerationRequest(
        id=name,
        prompt=conversation(asked, system=SYSTEM_PROMPT, examples=EXAMPLES),
        max_tokens=MAX_TOKENS,
        json_schema=proposal_schema(asked.ticker, asked.max_length),
    )
