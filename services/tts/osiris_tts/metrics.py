"""What /metrics tells of the voice."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class SpeechMetrics:
    """Prometheus metrics of what was spoken."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._audio = Counter("osiris_speech_audio_seconds", "Audio made, seconds.", registry=registry)
        self._synthesis = Counter("osiris_speech_synthesis_seconds", "Time making it, seconds.", registry=registry)
        self._sentence = Histogram(
            "osiris_speech_sentence_seconds", "Time making one sentence.", registry=registry, buckets=_SECONDS
        )

    def observe(self, audio_seconds: float, synthesis_seconds: float) -> None:
        """Count a sentence."""
        self._audio.inc(audio_seconds)
        self._synthesis.inc(synthesis_seconds)
        self._sentence.observe(synthesis_seconds)
