"""Watches how a new version does beside the one before it, and goes on or back by itself."""

import asyncio

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import Feedback, ProposalCreated, streams
from osiris_inference.rollout import Rollout, Rollouts
from osiris_mesh import Bus, MalformedEnvelope, feed
from osiris_mesh.envelope import parse
from osiris_phi3.acceptance import REMEMBERED, Acceptance, gap

_log = structlog.get_logger(__name__)


class Guard:
    """Compares the acceptance of the newest version with that of the one before.

    What it knows are the streams alone: every instance comes to the same, and a restart forgets nothing.

    Args:
        canary_answers: of the new version, after which it answers all.
        watched_answers: of it, after which it is measured no more.
    """

    def __init__(self, bus: Bus, rollouts: Rollouts, *, canary_answers: int, watched_answers: int) -> None:
        self._bus = bus
        self._rollouts = rollouts
        self._canary_answers = canary_answers
        self._watched_answers = watched_answers

    async def keep_watching(self) -> None:
        """Look at what is proposed and said, for ever."""
        while True:
            try:
                await self._watch()
            except (RedisError, OSError, ValueError) as error:
                _log.warning("rollout not readable, trying again", error=str(error))
                await asyncio.sleep(1.0)

    async def _watch(self) -> None:
        acceptance = Acceptance()
        names = (streams.PROPOSAL_CREATED, streams.FEEDBACK_SUBMITTED)
        after = await feed.last_ids(self._bus.redis, *names)
        for name in names:
            async for entry in feed.present(self._bus.redis, name, last=REMEMBERED):
                _learn(acceptance, entry)
        async for entries in feed.follow(self._bus.redis, after):
            for entry in entries:
                _learn(acceptance, entry)
            await asyncio.to_thread(self._decide, acceptance)

    def _decide(self, acceptance: Acceptance) -> None:
        rollout = self._rollouts.settle()
        if rollout is None or not rollout.is_open:
            return
        new, old = acceptance.of(rollout.version), acceptance.of(rollout.before)
        found = gap(new, old)
        if found is not None and found.high < 0:
            reason = (
                f"accepted {new.accepted} of {new.answers}, the version before {old.accepted} of {old.answers}: "
                f"{found.estimate:+.0%} ({found.low:+.0%} to {found.high:+.0%})"
            )
            if self._rollouts.withdraw(rollout, reason):
                _log.error("rolled back", version=rollout.version, to=rollout.before, reason=reason)
            return
        self._go_on(rollout, new.answers)

    def _go_on(self, rollout: Rollout, answers: int) -> None:
        if rollout.stage == "canary" and answers >= self._canary_answers:
            if self._rollouts.promote(rollout):
                _log.info("promoted", version=rollout.version, answers=answers)
        elif rollout.stage == "watched" and answers >= self._watched_answers and self._rollouts.keep(rollout):
            _log.info("kept", version=rollout.version, answers=answers)


def _learn(acceptance: Acceptance, entry: feed.Entry) -> None:
    try:
        data = parse(entry.fields).data
        if entry.stream == streams.PROPOSAL_CREATED:
            acceptance.proposed(ProposalCreated.model_validate_json(data))
        else:
            acceptance.said(Feedback.model_validate_json(data))
    except (MalformedEnvelope, ValidationError):
        return  # the trainer, whose input it is, puts it aside
