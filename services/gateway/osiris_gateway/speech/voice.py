"""Asking the voice over the mesh, and refusing at the door what it could not speak."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from osiris_contracts import AudioClip, SpeechRequest, SpeechResult, streams
from osiris_gateway.call import Call
from osiris_gateway.idempotency import Idempotency
from osiris_mesh import Bus, Refused

SERVICE = "tts"
RETRY_SECONDS = 5


class Voice:
    """Asks tts for a call.

    Args:
        queue_limit: requests of one priority that may wait for it.
    """

    def __init__(self, bus: Bus, idempotency: Idempotency, *, queue_limit: int) -> None:
        self._bus = bus
        self._idempotency = idempotency
        self._queue_limit = queue_limit

    async def clips(self, request: SpeechRequest, call: Call) -> AsyncGenerator[AudioClip | SpeechResult]:
        """The text sentence by sentence, then what it took. Closing it cancels the rest, unless it may come again.

        Raises:
            Refused: there is no voice, too many wait for it, it refuses, or it takes too long.
            OutOfMemoryError: Redis has no room.
        """
        request_id = call.request_id(SERVICE)
        async with self._idempotency.answering(call.remembered):
            if request_id is None or not await self._bus.was_asked(request_id):
                await self._admit(call)
            replies = self._bus.replies_to(
                streams.TTS_REQUESTS,
                request,
                id=request_id,
                timeout=call.timeout,
                priority=call.priority,
                correlationid=str(call.run),
                once=request_id is not None,
            )
            async with aclosing(replies):
                async for reply in replies:
                    if isinstance(reply, AudioClip | SpeechResult):
                        yield reply

    async def _admit(self, call: Call) -> None:
        alive = await self._bus.instances(SERVICE)
        if not any(each.ready and each.model and each.model.loaded for each in alive):
            raise Refused(
                "model_not_loaded", "expected a tts that can speak, there is none now; start it, or try again"
            )
        lane = streams.lane(streams.TTS_REQUESTS, call.priority)
        if await self._bus.backlog(lane, SERVICE) >= self._queue_limit:
            raise Refused(
                "queue_full",
                f"expected fewer than {self._queue_limit} texts waiting to be spoken; try again in {RETRY_SECONDS} s",
                {"retry_after": RETRY_SECONDS},
            )
