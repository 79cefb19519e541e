"""The engine that clones: loaded from a folder, one voice in place at a time, and a service around it."""

import base64
import math
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from osiris_contracts import AudioClip, SpeechRequest, SpeechResult, streams, wav
from osiris_mesh import Bus, Refused
from osiris_tts.app import build
from osiris_tts.chatterbox_engine import ChatterboxEngine
from osiris_tts.protocol import Manner, Unspeakable
from osiris_tts.settings import TtsSettings

pytestmark = pytest.mark.timeout(600)


def recording(hertz: float) -> bytes:
    """Six seconds of a tone that swells, 24 kHz."""
    time = np.arange(6 * 24_000) / 24_000
    tone = 0.3 * np.sin(2 * math.pi * hertz * time) * (1 + np.sin(2 * math.pi * 3 * time)) / 2
    return wav.write((tone * 32767).astype("<i2").tobytes(), 24_000)


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> ChatterboxEngine:
    loaded = ChatterboxEngine(model_folder, voices_kept=2)
    loaded.load()
    return loaded


def test_a_cloned_voice_speaks_and_the_same_seed_says_the_same(engine: ChatterboxEngine) -> None:
    manner = Manner(reference=recording(180), exaggeration=0.7, cfg_weight=0.3, temperature=0.9)
    engine.prepare(manner)
    first = engine.say("The price rose.", manner, seed=1)
    assert first.dtype == np.float32 and first.ndim == 1
    assert np.isfinite(first).all() and np.abs(first).max() > 0
    assert len(first) / engine.sample_rate > 0.2
    assert np.array_equal(engine.say("The price rose.", manner, seed=1), first)
    faster = engine.say("The price rose.", Manner(reference=manner.reference, speed=2), seed=1)
    assert len(faster) < len(first)


def test_a_voice_is_made_ready_once_and_the_last_are_kept(
    engine: ChatterboxEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    whole = engine._model.prepare_conditionals
    monkeypatch.setattr(
        engine._model, "prepare_conditionals", lambda *args, **options: made.append(args) or whole(*args, **options)
    )
    a, b, c = (Manner(reference=recording(hertz)) for hertz in (200, 240, 280))
    engine.prepare(a)
    voice = engine._model.conds
    engine.prepare(b)
    assert engine._model.conds is not voice
    engine.prepare(a)
    assert engine._model.conds is voice and len(made) == 2
    engine.prepare(c)  # b goes
    engine.prepare(a)
    assert len(made) == 3
    engine.prepare(b)
    assert len(made) == 4


def test_without_a_voice_it_says_what_to_do(engine: ChatterboxEngine) -> None:
    with pytest.raises(Unspeakable, match=r"ref_wav_b64 or voice.*conds\.pt"):
        engine.prepare(Manner())
    with pytest.raises(Unspeakable, match=r"installed \(none is\), got me"):
        engine.prepare(Manner(voice="me"))


def test_what_is_missing_is_named_and_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"t3_cfg\.safetensors.*nothing is fetched"):
        ChatterboxEngine(tmp_path).load()


async def test_the_service_speaks_with_it(redis_url: str, model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "anna.wav").write_bytes(recording(220))
    settings = TtsSettings(redis_url=redis_url, engine="chatterbox", model=model_folder, voices=tmp_path)
    service = build(settings)
    async with service.running(), Bus(redis_url, "test") as bus:
        status = service.presence().model
        assert status is not None and status.loaded and (status.version or "").startswith("chatterbox-0.1.7-english")
        replies = []
        reference = base64.b64encode(recording(180)).decode()
        for request in (
            SpeechRequest(text="It rose. It fell.", ref_wav_b64=reference),
            SpeechRequest(text="It rests.", voice="anna"),
        ):
            async with aclosing(bus.replies_to(streams.TTS_REQUESTS, request, timeout=300)) as answers:
                replies += [reply async for reply in answers]
        clips = [reply for reply in replies if isinstance(reply, AudioClip)]
        assert [clip.text for clip in clips] == ["It rose.", "It fell.", "It rests."]
        assert {clip.engine for clip in clips} == {"chatterbox"}
        assert all(wav.read(base64.b64decode(clip.wav_b64)).seconds > 0.2 for clip in clips)
        assert [reply.clips for reply in replies if isinstance(reply, SpeechResult)] == [2, 1]
        with pytest.raises(Refused, match=r"\(anna\), got otto"):
            async with aclosing(
                bus.replies_to(streams.TTS_REQUESTS, SpeechRequest(text="No.", voice="otto"), timeout=60)
            ) as answers:
                await anext(answers)
