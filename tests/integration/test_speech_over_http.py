"""The voice through the HTTP door."""

import base64
import io
import struct
import wave
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
import pytest_asyncio
import soundfile
from tests.support.gateways import door
from tests.support.voice import clips, speaking, text_of, wav_of

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import Problem, wav
from osiris_contracts.openai import OpenAIError
from osiris_mesh.connection import connect

pytestmark = [pytest.mark.xdist_group("speech"), pytest.mark.asyncio(loop_scope="module")]

SECOND = b"\1\0" * 24_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """Redis with a voice, and a gateway before it."""
    with EmbeddedRedis(tmp_path_factory.mktemp("speech") / "redis", persistent=False) as redis:
        async with speaking(redis.url), door(redis.url) as http:
            yield redis.url, http


@pytest.mark.parametrize("path", ["/speak", "/speak/"])
async def test_speak_answers_a_whole_wav_that_went_to_audio_bytes_too(
    desk: tuple[str, httpx.AsyncClient], path: str
) -> None:
    url, http = desk
    answer = await http.post(path, json={"text": "Hello world, this is a test.", "exaggeration": 0.5})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content[:4] == b"RIFF"
    assert struct.unpack_from("<I", answer.content, 4)[0] == len(answer.content) - 8
    with wave.open(io.BytesIO(answer.content)) as file:
        seconds = file.getnframes() / file.getframerate()
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
    assert float(answer.headers["x-osiris-audio-seconds"]) == pytest.approx(seconds, abs=0.001)
    assert 0 < float(answer.headers["x-osiris-real-time-factor"]) < 2
    assert "synthesis;dur=" in answer.headers["server-timing"]
    redis = connect(url)
    assert wav_of((await clips(redis))[-1]) == answer.content
    await redis.aclose()


async def test_the_sentences_of_a_text_are_one_file(desk: tuple[str, httpx.AsyncClient]) -> None:
    url, http = desk
    answer = await http.post("/speak", json={"text": text_of(3), "speed": 1.5})
    redis = connect(url)
    last = (await clips(redis))[-3:]
    await redis.aclose()
    assert wav.read(answer.content).frames == b"".join(wav.read(wav_of(clip)).frames for clip in last)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"text": ""}, 422, "text"),
        ({"text": " \n"}, 422, "text"),
        ({}, 422, "text"),
        ({"text": "x" * 5001}, 422, "5000"),
        ({"text": "!?"}, 422, "letter"),
        ({"text": "Hi.", "exaggeration": 9}, 422, "exaggeration"),
        ({"text": "Hi.", "speed": 9}, 422, "speed"),
        ({"text": "Hi.", "voice": "nobody"}, 422, "heart"),
        ({"text": "Hi.", "voice": ""}, 422, "voice"),
        ({"text": "Hi.", "ref_wav_b64": "not base64!"}, 400, "base64"),
        ({"text": "Hi.", "ref_wav_b64": base64.b64encode(b"hello").decode()}, 400, "RIFF"),
        ({"text": "Hi.", "ref_wav_b64": base64.b64encode(wav.write(SECOND, 24_000)).decode()}, 422, "chatterbox can"),
        ({"text": "Hi.", "ref_wav_b64": base64.b64encode(wav.write(SECOND * 31, 24_000)).decode()}, 413, "30 s"),
        ({"text": "Hi.", "ref_wav_b64": "A" * 9_000_000}, 413, ""),
    ],
)
async def test_what_is_refused(
    desk: tuple[str, httpx.AsyncClient], body: dict[str, object], status: int, says: str
) -> None:
    answer = await desk[1].post("/speak", json=body)
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.status) == (status, status)
    assert says in problem.detail


async def test_no_voice_is_503(redis_url: str) -> None:
    async with door(redis_url) as http:
        answer = await http.post("/speak", json={"text": "Hello."})
        assert answer.status_code == 503
        assert "tts" in Problem.model_validate_json(answer.content).detail
        spoken = await http.post("/v1/audio/speech", json={"model": "tts", "voice": "alloy", "input": "Hello."})
        assert spoken.status_code == 503
        assert OpenAIError.model_validate_json(spoken.content).error.type == "server_error"


async def test_a_call_with_a_key_is_spoken_once(desk: tuple[str, httpx.AsyncClient]) -> None:
    url, http = desk
    redis = connect(url)
    headers = {"idempotency-key": "once"}
    answers = [await http.post("/speak", json={"text": "Only once."}, headers=headers) for _ in range(2)]
    said = [clip for clip in await clips(redis) if clip.text == "Only once."]
    await redis.aclose()
    assert answers[0].content == answers[1].content == wav_of(said[0])
    assert len(said) == 1


def with_length(flac: bytes, samples: int) -> bytes:
    """A streamed flac does not say how long it is, which libsndfile wants to know (RFC 9639, section 8.2)."""
    head = bytearray(flac)
    head[21:26] = (int.from_bytes(head[21:26]) & 0xF0_0000_0000 | samples).to_bytes(5)
    return bytes(head)


@pytest.mark.parametrize("sentences", [1, 3])
@pytest.mark.parametrize("kind", ["wav", "flac", "pcm", "mp3", "opus"])
async def test_the_formats_of_the_openai_endpoint(
    desk: tuple[str, httpx.AsyncClient], kind: str, sentences: int
) -> None:
    url, http = desk
    body = {"model": "tts-1", "voice": "alloy", "input": text_of(sentences), "response_format": kind}
    answer = await http.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    redis = connect(url)
    said = b"".join(wav.read(wav_of(clip)).frames for clip in (await clips(redis))[-sentences:])
    await redis.aclose()
    if kind == "pcm":
        assert answer.content == said
    elif kind == "wav":
        assert wav.read(answer.content).frames == said
    elif kind == "flac":
        file = answer.content if sentences == 1 else with_length(answer.content, len(said) // 2)
        assert soundfile.read(io.BytesIO(file), dtype="int16")[0].tobytes() == said
    else:
        heard, rate = soundfile.read(io.BytesIO(answer.content))
        assert rate == 24_000
        assert len(heard) == pytest.approx(len(said) // 2, rel=0.1)
        assert np.abs(heard).max() > 0.1


async def test_the_first_sentence_is_sent_before_the_last_is_spoken(desk: tuple[str, httpx.AsyncClient]) -> None:
    url, http = desk
    redis = connect(url)
    body = {"model": "tts", "voice": "alloy", "input": text_of(40), "response_format": "wav"}
    async with http.stream("POST", "/v1/audio/speech", json=body) as answer:
        first = await anext(answer.aiter_raw())
        last = (await clips(redis))[-1]
    assert first[:4] == b"RIFF"
    assert last.index < 39
    await redis.aclose()


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": "whisper-1"}, 404, None),
        ({"response_format": "aac"}, 400, "response_format"),
        ({"input": ""}, 400, "input"),
        ({"speed": 4}, 400, "speed"),
        ({"voice": "nobody"}, 400, None),
    ],
)
async def test_what_the_openai_endpoint_refuses(
    desk: tuple[str, httpx.AsyncClient], fields: dict[str, object], status: int, param: str | None
) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | fields
    answer = await desk[1].post("/v1/audio/speech", json=body)
    assert answer.status_code == status
    assert OpenAIError.model_validate_json(answer.content).error.param == param
