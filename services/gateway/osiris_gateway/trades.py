"""Proposals asked for over HTTP, and what their owner says of them."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid5

from pydantic import ValidationError

from osiris_contracts import (
    Feedback,
    FeedbackReceipt,
    FeedbackSubmission,
    GenerateRequest,
    ProposalAssessed,
    ProposalCreated,
    ProposeBody,
    ProposedTrade,
    RememberedProposal,
    critique_request,
    parse_score,
    streams,
)
from osiris_gateway.call import Call
from osiris_gateway.models import Models
from osiris_gateway.problems import UnknownTransaction
from osiris_mesh import Bus, Refused
from osiris_mesh.proposals import announce_proposal

PROPOSAL_TOKENS = 256


class Trades:
    """Asks for proposals and critiques, takes feedback, and tells the mesh of all of it.

    Args:
        now: the server's clock, UTC.
    """

    def __init__(self, bus: Bus, models: Models, now: Callable[[], datetime]) -> None:
        self._bus = bus
        self._models = models
        self._now = now

    async def propose(self, body: ProposeBody, call: Call) -> ProposedTrade:
        """A proposal and its critique.

        Raises:
            Refused: a model is not there, too busy, too slow, or refuses.
        """
        run = call.run
        self._models.require("hermes")  # no proposal is made that nobody can critique
        answer = await self._models.ask("phi3", GenerateRequest(prompt=body.prompt, max_length=PROPOSAL_TOKENS), call)
        if answer.proposal is None:
            raise Refused("internal", "expected a proposal from phi3, it answered without one")
        await announce_proposal(
            self._bus,
            ProposalCreated(
                transaction_id=run,
                created_at=self._now(),
                origin="gateway",
                prompt=body.prompt,
                proposal=answer.proposal,
                model_version=answer.model_version,
                few_shot=answer.few_shot,
            ),
            id=str(uuid5(run, "created")),
        )
        critique = await self._models.ask(
            "hermes",
            critique_request(body.prompt, answer.proposal, max_length=body.max_length),
            call,
        )
        assessed = ProposalAssessed(
            transaction_id=run,
            assessed_at=self._now(),
            origin="gateway",
            prompt=body.prompt,
            proposal=answer.proposal,
            assessment=critique.text,
            score=parse_score(critique.text),
            model_version=critique.model_version,
        )
        await self._bus.publish(
            streams.PROPOSAL_ASSESSED, assessed, id=str(uuid5(run, "assessed")), correlationid=str(run)
        )
        return ProposedTrade(transaction_id=run, phi3_proposal=answer.proposal, hermes_assessment=critique.text)

    async def take_feedback(self, body: FeedbackSubmission) -> FeedbackReceipt:
        """Hand feedback to whoever learns from it, together with what it is about.

        Raises:
            UnknownTransaction: nobody made that proposal within the last 30 days.
        """
        transaction = body.transaction_id
        kept = await self._bus.redis.get(streams.proposal_key(transaction))
        if kept is None:
            raise UnknownTransaction(
                f"expected the transaction_id of a proposal of the last 30 days, {transaction} is none; "
                "take it from the answer of POST /propose_trade_adjustments/ or from advice.generated"
            )
        # the same words on the same proposal are the same feedback, so that sending it again stores nothing new
        feedback_id = uuid5(transaction, body.model_dump_json())
        about = _remembered(kept)
        taken = Feedback(
            **dict(body) | {"schema_version": "1.1"},
            feedback_id=feedback_id,
            received_at=self._now(),
            prompt=about.prompt if about else None,
            original_proposal=about.proposal if about else None,
        )
        await self._bus.publish(streams.FEEDBACK_SUBMITTED, taken, id=str(feedback_id), correlationid=str(transaction))
        return FeedbackReceipt(
            message=f"{body.feedback_type} received; the desk learns from it", transaction_id=transaction
        )


def _remembered(kept: bytes) -> RememberedProposal | None:
    try:
        return RememberedProposal.model_validate_json(kept)
    except ValidationError:
        return None  # an older Osiris noted only that there was a proposal
