"""Asks a policy, whose answers are as untrusted as a model's: what it gets wrong is a failed run, never a bad order."""

from typing import Self

from pydantic import ValidationError

from osiris_contracts import Proposal
from osiris_desk.policy.interface import Features, Intent, Policy

_CAUGHT = (Exception, SystemExit)  # a policy must not end the desk


class PolicyFailed(Exception):
    """A policy raised an exception, or answered with what it must not."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """What is told of `error`, in one line."""
        if isinstance(error, cls):
            return error
        if isinstance(error, ValidationError):
            problem = error.errors(include_input=False)[0]
            return cls(f"policy: {'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}")
        return cls(f"policy: {type(error).__name__}: {error}"[:300])


def ask_prompt(policy: Policy, features: Features) -> str | None:
    """What phi3 is asked; None when nobody is.

    Raises:
        PolicyFailed: the policy cannot tell.
    """
    try:
        return _text(policy.prompt(features))
    except _CAUGHT as error:
        raise PolicyFailed.of(error) from error


def decide(policy: Policy, features: Features, proposal: Proposal | None) -> Proposal:
    """What the policy makes of phi3's proposal, or of nothing, as a proposal.

    Raises:
        PolicyFailed: it is none.
    """
    proposed = intent_of(proposal) if proposal else None
    try:
        intent = policy.decide(features, proposed)
        if proposal and intent == proposed:
            return proposal
        action, side, size, stop_pct, target_pct, reason = intent
        return Proposal.model_validate(
            {
                "ticker": proposal.ticker if proposal else features.symbol,
                "action": action,
                "side": side,
                "new_stop_pct": stop_pct,
                "new_target_pct": target_pct,
                "confidence": size,
                "rationale": reason,
            }
        )
    except _CAUGHT as error:
        raise PolicyFailed.of(error) from error


def ask_situation(policy: Policy, features: Features, proposal: Proposal, asked: str | None) -> str | None:
    """The situation as the critic of `proposal` is told it; None when nobody is asked.

    `asked` is what phi3 was asked; None when it was not.

    Raises:
        PolicyFailed: the policy cannot tell.
    """
    try:
        return _text(policy.critique(features, intent_of(proposal), asked))
    except _CAUGHT as error:
        raise PolicyFailed.of(error) from error


def intent_of(proposal: Proposal) -> Intent:
    """A proposal as a policy sees it."""
    return Intent(
        proposal.action,
        proposal.side,
        proposal.confidence,
        proposal.new_stop_pct,
        proposal.new_target_pct,
        proposal.rationale,
    )


def _text(answer: object) -> str | None:
    if answer is not None and not isinstance(answer, str):
        raise TypeError(f"expected a text or None, was {type(answer).__name__}")
    return answer
