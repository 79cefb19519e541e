"""How soon the voice is heard, and how much faster it is made than it sounds: over HTTP, and the engine alone."""

import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from tests.support.gateways import door
from tests.support.voice import speaking, text_of

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_tts.hibari_engine import HibariEngine
from osiris_tts.protocol import Manner
from osiris_tts.spoken_form import spoken_form

SENTENCES = 12
ASKED = 7
_WARM = 2


async def _seconds(http: httpx.AsyncClient, sentences: int) -> tuple[float, float]:
    """Seconds to the first byte of audio, and to the last."""
    body = {"model": "tts", "voice": "alloy", "input": text_of(sentences), "response_format": "pcm"}
    began = time.perf_counter()
    first = 0.0
    async with http.stream("POST", "/v1/audio/speech", json=body) as answer:
        async for _ in answer.aiter_raw():
            first = first or time.perf_counter() - began
    return first, time.perf_counter() - began


async def _over_http() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), persistent=False) as redis:
        async with speaking(redis.url), door(redis.url) as http:
            for _ in range(_WARM):
                await _seconds(http, 1)
            found = [await _seconds(http, SENTENCES) for _ in range(ASKED)]
    first, whole = (statistics.median(each) for each in zip(*found, strict=True))
    return {
        "first audio over HTTP, ms": 1000 * first,
        f"all {SENTENCES} sentences over HTTP, ms": 1000 * whole,
        "all / first": whole / first,
    }


def _engine_alone() -> dict[str, float]:
    engine = HibariEngine()
    engine.load()
    sentence = spoken_form("EURUSD fell 0.4 % on 2 h of heavy volume, and the stop is 25 bps below.")
    took, sounds = [], 0.0
    for seed in range(ASKED):
        began = time.perf_counter()
        sounds = len(engine.say(sentence, Manner(), seed)) / engine.sample_rate
        took.append(time.perf_counter() - began)
    factor = statistics.median(took) / sounds
    return {"real-time factor of the engine": factor, "seconds of audio a second, one core": 1 / factor}


def measure() -> dict[str, float]:
    """Median milliseconds, and the real-time factor: seconds of work for a second of audio."""
    logging.disable(logging.WARNING)  # a line a request
    return {**asyncio.run(_over_http()), **_engine_alone()}
