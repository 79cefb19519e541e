"""Makes the engine that the settings name."""

from osiris_tts.protocol import SpeechEngine
from osiris_tts.settings import TtsSettings


def make(settings: TtsSettings) -> SpeechEngine:
    """The engine, not loaded yet."""
    if settings.model is not None and settings.engine == "chatterbox":
        from osiris_tts.chatterbox_engine import ChatterboxEngine

        return ChatterboxEngine(
            settings.model,
            voices=settings.voices,
            variant=settings.variant,
            language=settings.language,
            device=settings.device,
            voices_kept=settings.cloned_voices,
        )
    from osiris_tts.hibari_engine import HibariEngine

    return HibariEngine(voice=settings.voice, folder=settings.voices)
