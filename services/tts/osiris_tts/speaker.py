"""Speaks requests: sentence by sentence, each a clip that is published once."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TypeVar

from pydantic import TypeAdapter

from osiris_contracts import AudioClip, SpeechRequest, SpeechResult, sentences, streams, wav
from osiris_contracts.reference import InvalidReference, decode
from osiris_mesh import Delivery, Pieces, Refused
from osiris_mesh.entry_id import parse_id
from osiris_tts.audio import wav_of
from osiris_tts.metrics import SpeechMetrics
from osiris_tts.protocol import Manner, SpeechEngine, Unspeakable
from osiris_tts.spoken_form import spoken_form
from osiris_tts.turns import Replaced, Turns

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Totals:
    """Of the clips so far; kept with the last, for whoever has to go on after it."""

    seconds: float = 0.0
    synthesis_seconds: float = 0.0


_TOTALS = TypeAdapter(_Totals)


class Speaker:
    """One engine, in one thread of its own, and the queue before it."""

    def __init__(self, engine: SpeechEngine, metrics: SpeechMetrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._turns = Turns()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="voice")
        self.loaded = False

    async def load(self) -> None:
        """Load the engine."""
        await self._in_thread(self._engine.load)
        self.loaded = True

    async def close(self) -> None:
        """End the thread, after the sentence it is at."""
        self.loaded = False
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def speak(self, request: SpeechRequest, delivery: Delivery) -> SpeechResult:
        """Speak a text, and publish a clip a sentence; what was published before is not spoken again.

        Raises:
            Refused: there is nothing to say, the engine cannot say it so, or something newer came first.
        """
        said = sentences(request.text)
        if not said:
            raise Refused("invalid_request", "expected a text with a letter or a digit in it, got none")
        manner = _manner(request)
        pieces = Pieces(delivery)
        published, note = await pieces.progress()
        totals = _TOTALS.validate_json(note) if note else _Totals()
        place = parse_id(delivery.entry_id)
        try:
            with self._turns.queued(delivery.envelope.priority, place, request.ticker, begun=published > 0) as ticket:
                for index in range(published, len(said)):
                    async with self._turns.turn(ticket):
                        clip = await self._in_thread(self._clip, request, manner, delivery.id, index, said)
                        totals = _added(totals, clip)
                        await pieces.publish(
                            index,
                            streams.AUDIO_BYTES,
                            clip,
                            reply=request.stream,
                            note=_TOTALS.dump_json(totals).decode(),
                            channel=streams.AUDIO_BYTES,
                            said=clip.wav_b64,
                        )
        except Replaced:
            raise Refused(
                "replaced", f"a newer request about {request.ticker} came before this one was begun; it is spoken"
            ) from None
        except Unspeakable as error:
            raise Refused("invalid_request", str(error)) from error
        return SpeechResult(engine=self._engine.name, clips=len(said), **asdict(totals))

    def _clip(self, request: SpeechRequest, manner: Manner, request_id: str, index: int, said: list[str]) -> AudioClip:
        """Speak one sentence. Runs in the voice's thread."""
        started = time.perf_counter()
        self._engine.prepare(manner)
        samples = self._engine.say(spoken_form(said[index]), manner, _seed(request_id, index))
        synthesis = time.perf_counter() - started
        file = wav_of(samples, self._engine.sample_rate)
        seconds = wav.read(file).seconds
        self._metrics.observe(seconds, synthesis)
        return AudioClip(
            request_id=request_id,
            index=index,
            last=index == len(said) - 1,
            text=said[index],
            sample_rate=self._engine.sample_rate,
            seconds=seconds,
            wav_b64=base64.b64encode(file).decode(),
            engine=self._engine.name,
            ticker=request.ticker,
            transaction_id=request.transaction_id,
            synthesis_seconds=synthesis,
        )

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _manner(request: SpeechRequest) -> Manner:
    try:
        reference = decode(request.ref_wav_b64) if request.ref_wav_b64 else None
    except InvalidReference as error:
        raise Refused("invalid_request", f"ref_wav_b64: {error}") from error
    return Manner(
        voice=request.voice,
        speed=request.speed,
        exaggeration=request.exaggeration,
        cfg_weight=request.cfg_weight,
        temperature=request.temperature,
        reference=reference,
    )


def _seed(request_id: str, index: int) -> int:
    """The same whenever the same sentence is spoken again, so that a takeover goes on alike."""
    return int.from_bytes(hashlib.sha256(f"{request_id}:{index}".encode()).digest()[:4])


def _added(totals: _Totals, clip: AudioClip) -> _Totals:
    return _Totals(totals.seconds + clip.seconds, totals.synthesis_seconds + (clip.synthesis_seconds or 0.0))
