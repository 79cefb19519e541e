"""Speaks what the critic said of the desk's proposals. Beside the desk: no voice, or a slow one, delays no decision."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from uuid import UUID, uuid5

import structlog

from osiris_contracts import AssessmentSpoken, ProposalAssessed, SpeechRequest, sentences, streams
from osiris_mesh import Bus, Refused, scripts, tracing
from osiris_mesh.envelope import wrap
from osiris_mesh.scripts import Output

MAX_CHARACTERS = 150
GROUP = f"{streams.DESK_GROUP}.speech"
_DAY_SECONDS = 86_400
_LAST_ANSWER_SECONDS = 2.0
"""What an answer that may be there already is waited for."""

_TELL = (
    scripts.WRITE_OUTPUTS
    + """
-- KEYS: told, last_speak_ms. ARGV: seconds both live, when it was spoken in unix milliseconds ('' for not), outputs.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[1]) end
write(3)
return 1
"""
)
"""Tell what became of an assessment's speech (1) unless that was told (0)."""

_log = structlog.get_logger(__name__)


def spoken_text(assessment: str) -> str:
    """The first sentence of an assessment: at most MAX_CHARACTERS, and "..." behind what was cut at a word's end."""
    said = sentences(assessment)
    first = said[0] if said else assessment.strip()
    if len(first) <= MAX_CHARACTERS:
        return first
    cut = first[: MAX_CHARACTERS + 1].rfind(" ")
    return first[: cut if cut > 0 else MAX_CHARACTERS] + "..."


class Speech:
    """Has assessments spoken, each once, and tells what became of it.

    Args:
        timeout_seconds: after an assessment, in which it must be spoken; later it is no news.
        now: the clock, unix seconds.
    """

    def __init__(self, bus: Bus, *, timeout_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._timeout = timeout_seconds
        self._now = now

    async def assessments(self, events: Sequence[ProposalAssessed]) -> None:
        """Speak those of the desk's own proposals. May be called again with the same: they are not spoken again."""
        await asyncio.gather(*(self._speak(event) for event in events if event.origin == "orchestrator"))

    async def _speak(self, event: ProposalAssessed) -> None:
        run = event.transaction_id
        if await self._bus.redis.exists(_told(run)):
            return
        text = spoken_text(event.assessment)
        status: str = "spoken"
        try:
            await self._ask(event, text)
        except Refused as refusal:
            status = "replaced" if refusal.code == "replaced" else "failed"
            _log.warning("not spoken", correlation_id=str(run), status=status, reason=refusal.message)
        await self._tell(
            AssessmentSpoken.model_validate(
                {"transaction_id": run, "run_id": run, "text_spoken": text, "status": status}
            )
        )

    async def _ask(self, event: ProposalAssessed, text: str) -> None:
        """Wait until it is spoken. A restarted desk asks again under the same id, and gets the answer to the first."""
        run = event.transaction_id
        left = event.assessed_at.timestamp() + self._timeout - self._now()
        request_id = str(uuid5(run, "speech"))
        if left <= 0 and not await self._bus.was_asked(request_id):
            raise Refused("deadline_exceeded", f"its {self._timeout:g} s had passed before anybody was there to ask")
        request = SpeechRequest(text=text, ticker=event.proposal.ticker, transaction_id=run, stream=False)
        replies = self._bus.replies_to(
            streams.TTS_REQUESTS,
            request,
            id=request_id,
            timeout=max(left, _LAST_ANSWER_SECONDS),
            correlationid=str(run),
            once=True,
        )
        async with aclosing(replies):
            async for _ in replies:
                pass  # the result is the last

    async def _tell(self, spoken: AssessmentSpoken) -> None:
        run = spoken.run_id
        message = wrap(
            spoken,
            id=str(uuid5(run, "spoken")),
            source=self._bus.source,
            correlationid=str(run),
            traceparent=tracing.traceparent(),
        )
        at = str(int(self._now() * 1000)) if spoken.status == "spoken" else ""
        arguments = [_DAY_SECONDS, at, *scripts.flatten([Output(streams.ASSESSMENT_SPOKEN, message.to_fields())])]
        keys = [_told(run), streams.last_speak_key(spoken.transaction_id)]
        await scripts.run(self._bus.writer, _TELL, keys, arguments)


def _told(run: UUID) -> str:
    return f"effect:{GROUP}:{run}"
