"""Wires `tts.requests` to the voice, and what it says to `audio.bytes`."""

import structlog

from osiris_contracts import ModelStatus, SpeechRequest, SpeechResult, streams
from osiris_mesh import Delivery, Service
from osiris_tts import engines
from osiris_tts.metrics import SpeechMetrics
from osiris_tts.settings import TtsSettings
from osiris_tts.speaker import Speaker

_log = structlog.get_logger(__name__)


def build(settings: TtsSettings) -> Service:
    """The tts service: every request becomes clips on audio.bytes, which its asker gets as well."""
    service = Service("tts", settings)
    engine = engines.make(settings)
    speaker = Speaker(engine, SpeechMetrics(service.metrics.registry))

    @service.on_start
    async def load() -> None:
        await speaker.load()
        _log.info("voice loaded", version=engine.version, device=engine.device)

    service.on_stop(speaker.close)
    service.trims(streams.AUDIO_BYTES)
    service.model_status = lambda: ModelStatus(
        loaded=speaker.loaded, version=engine.version, file_exists=True, device=engine.device
    )

    @service.consume(streams.TTS_REQUESTS, SpeechRequest, workers=settings.read_ahead)
    async def speak(request: SpeechRequest, delivery: Delivery) -> SpeechResult:
        """Speak a text, sentence by sentence."""
        return await speaker.speak(request, delivery)

    return service
