"""The real voice inside a test, what it said, and texts for it."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from osiris_contracts import AudioClip, streams
from osiris_mesh import Service
from osiris_mesh.envelope import parse
from osiris_tts.app import build
from osiris_tts.settings import TtsSettings


def text_of(sentences: int) -> str:
    """So many sentences, each different."""
    return " ".join(f"Sentence number {number} says that the price rose." for number in range(1, sentences + 1))


@asynccontextmanager
async def speaking(redis_url: str, **settings: Any) -> AsyncIterator[Service]:
    """A tts for the length of the block."""
    service = build(TtsSettings(**{"redis_url": redis_url, "lease_seconds": 1.0, "drain_seconds": 0.2} | settings))
    async with service.running():
        yield service


async def clips(redis: Any) -> list[AudioClip]:
    """Everything on audio.bytes, in order."""
    entries = await redis.xrange(streams.AUDIO_BYTES)
    return [AudioClip.model_validate_json(parse(fields).data) for _, fields in entries]


def wav_of(clip: AudioClip) -> bytes:
    """Its file."""
    return base64.b64decode(clip.wav_b64)
