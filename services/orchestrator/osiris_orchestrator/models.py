"""Asks phi3 and hermes for the desk: over the streams, or out of a recording."""

from pathlib import Path
from uuid import UUID

import structlog

from osiris_contracts import ErrorReply, GenerateRequest, GenerateResult, ModelId, streams
from osiris_desk.answers import Recorder, Recording, read
from osiris_mesh import Bus, Refused

_log = structlog.get_logger(__name__)


class Models:
    """The models of the desk.

    Args:
        timeout_seconds: how long one may take.
        record: file that answers of the models are written to; None for none.
        replay: file that answers are taken from; what it lacks is asked for only while recording. None for none.

    Raises:
        RecordingUnreadable: `replay` is no recording.
    """

    def __init__(self, bus: Bus, *, timeout_seconds: float, record: Path | None, replay: Path | None) -> None:
        self._bus = bus
        self._timeout = timeout_seconds
        self._replay: Recording | None = read(replay) if replay else None
        self._recorder = Recorder(record) if record else None

    async def ask(
        self, model: ModelId, request: GenerateRequest, request_id: UUID, run: UUID
    ) -> GenerateResult | ErrorReply:
        """The model's answer, or why there is none."""
        if self._replay:
            answer = self._replay.answer(model, request)
            if isinstance(answer, GenerateResult) or self._recorder is None:
                return answer
        try:
            result = await self._bus.ask(
                streams.REQUESTS_OF[model],
                request,
                id=str(request_id),
                correlationid=str(run),
                timeout=self._timeout,
            )
        except Refused as refusal:
            _log.warning("a model did not answer", model=model, code=refusal.code, reason=refusal.message)
            return refusal.reply()
        if self._recorder:
            self._recorder.add(model, request, result)
        return result
