"""The endpoints that speak."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import JSONBody
from litestar.response import Stream

from osiris_contracts import AudioClip, SpeakBody, SpeechRequest, SpeechResult, wav
from osiris_contracts.openai import SpeechBody
from osiris_contracts.reference import InvalidReference, ReferenceTooLong, decode
from osiris_contracts.speech import MAX_REFERENCE_CHARACTERS
from osiris_gateway.call import Call
from osiris_gateway.hangup import unless_hung_up
from osiris_gateway.openai.routes import ASKING as OPENAI_PROBLEMS
from osiris_gateway.problems import UnknownModel
from osiris_gateway.routes import ASKING as PROBLEMS
from osiris_gateway.speech import formats
from osiris_gateway.speech.voice import Voice
from osiris_mesh.http.problems import AnyRequest

MODELS = ("tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
OPENAI_VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
)
"""Names that clients send without thinking; they stand for the engine's own voice."""


@dataclass
class _Speech(Operation):
    """How the OpenAPI document tells of an answer that is audio: bytes, in any of these formats."""

    media_types: ClassVar[tuple[str, ...]] = ("audio/wav",)

    def __post_init__(self) -> None:
        answer = (self.responses or {})["200"]
        if isinstance(answer, OpenAPIResponse):
            answer.description = "The audio."
            binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
            answer.content = {each: OpenAPIMediaType(schema=binary) for each in self.media_types}


@dataclass
class _AnySpeech(_Speech):
    media_types: ClassVar[tuple[str, ...]] = tuple(formats.MEDIA_TYPES.values())


@post(
    "/speak",
    status_code=200,
    responses=PROBLEMS,
    operation_class=_Speech,
    request_max_body_size=MAX_REFERENCE_CHARACTERS,
    tags=["speech"],
    summary="Speak a text",
)
async def speak(
    request: AnyRequest, data: JSONBody[SpeakBody], speaker: NamedDependency[Voice], call: NamedDependency[Call]
) -> Response[bytes]:
    """A whole WAV file, 16 bit, mono. Its sentences come one by one on the stream and the channel audio.bytes too."""
    _check_reference(data.ref_wav_b64)
    asked = SpeechRequest(**data.model_dump())
    began = perf_counter()
    clips, result = await unless_hung_up(request, _all(speaker.clips(asked, call)))
    samples = b"".join(map(formats.pcm_of, clips))
    return Response(
        wav.write(samples, clips[0].sample_rate),
        media_type="audio/wav",
        headers=_headers(call, result.seconds, result.synthesis_seconds, perf_counter() - began),
    )


@post(
    "/v1/audio/speech",
    status_code=200,
    responses=OPENAI_PROBLEMS,
    operation_class=_AnySpeech,
    tags=["openai"],
    summary="Speak a text, as the OpenAI API has it",
)
async def openai_speech(
    request: AnyRequest, data: JSONBody[SpeechBody], speaker: NamedDependency[Voice], call: NamedDependency[Call]
) -> Stream:
    """The file comes while it is made, a sentence at a time; mp3 at its end. The headers tell of the first sentence."""
    if data.model not in MODELS:
        raise UnknownModel(f"expected model {', '.join(MODELS)}, which are all the desk's voice, got {data.model}")
    asked = SpeechRequest(text=data.input, voice=None if data.voice in OPENAI_VOICES else data.voice, speed=data.speed)
    began = perf_counter()
    replies = speaker.clips(asked, call)
    first = await unless_hung_up(request, anext(replies))  # what is refused at once keeps its HTTP status
    if not isinstance(first, AudioClip):
        raise AssertionError("a spoken text has a clip")
    return Stream(
        _encoded(first, replies, formats.encoder(data.response_format)),
        media_type=formats.MEDIA_TYPES[data.response_format],
        headers=_headers(call, first.seconds, first.synthesis_seconds or 0.0, perf_counter() - began),
    )


async def _all(
    replies: AsyncGenerator[AudioClip | SpeechResult],
) -> tuple[Sequence[AudioClip], SpeechResult]:
    clips: list[AudioClip] = []
    async with aclosing(replies):
        async for reply in replies:
            if isinstance(reply, SpeechResult):
                return clips, reply
            clips.append(reply)
    raise AssertionError("a stream of replies ends with a result or raises")


async def _encoded(
    first: AudioClip, rest: AsyncGenerator[AudioClip | SpeechResult], encoder: formats.Encoder
) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        if made := await asyncio.to_thread(encoder.add, first):
            yield made
        async for reply in rest:
            if isinstance(reply, AudioClip) and (made := await asyncio.to_thread(encoder.add, reply)):
                yield made


def _check_reference(ref_wav_b64: str | None) -> None:
    if ref_wav_b64 is None:
        return
    try:
        decode(ref_wav_b64)
    except ReferenceTooLong as error:
        raise HTTPException(f"ref_wav_b64: {error}", status_code=413) from None
    except InvalidReference as error:
        raise HTTPException(f"ref_wav_b64: {error}", status_code=400) from None


def _headers(call: Call, seconds: float, synthesis: float, elapsed: float) -> dict[str, str]:
    """How long the audio is, and how long a second of it took to make: below 1 is faster than it sounds."""
    parts = {"synthesis": synthesis, "mesh": max(elapsed - synthesis, 0.0)}
    return {
        "x-request-id": str(call.run),
        "x-osiris-audio-seconds": f"{seconds:.3f}",
        "x-osiris-real-time-factor": f"{synthesis / seconds:.4f}",
        "server-timing": ", ".join(f"{name};dur={1000 * each:.1f}" for name, each in parts.items()),
    }


ROUTES = [speak, openai_speech]
