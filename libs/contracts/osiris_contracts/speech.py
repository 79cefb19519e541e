"""Asking for speech, and what is heard of it."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from osiris_contracts._base import Contract, Symbol

MAX_SPEECH_CHARACTERS = 5_000
MAX_REFERENCE_CHARACTERS = 8_388_608
"""Of a reference in base64: 6 MiB, half a minute of CD quality."""


class SpeakBody(Contract):
    """Body of POST /speak: what is said, and how."""

    text: str = Field(
        min_length=1, max_length=MAX_SPEECH_CHARACTERS, pattern=r"\S", description="1 to 5,000 characters, not blank."
    )
    voice: str | None = Field(
        default=None, min_length=1, max_length=100, description="Name of a voice of the engine; null: its own."
    )
    speed: float = Field(default=1.0, ge=0.5, le=2, description="1 is the voice's own pace, 2 twice as fast.")
    exaggeration: float = Field(
        default=0.5, ge=0, le=2, description="How expressive, 0 to 2; only engines that can heed it."
    )
    cfg_weight: float | None = Field(
        default=None, ge=0, le=1, description="How closely the voice is kept to, 0 to 1; only engines that can heed it."
    )
    temperature: float | None = Field(
        default=None, gt=0, le=2, description="How varied the delivery is, up to 2; only engines that can heed it."
    )
    ref_wav_b64: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_REFERENCE_CHARACTERS,
        description="Base64 WAV of a voice to be cloned, 30 s at most; only engines that can clone.",
        json_schema_extra={"contentEncoding": "base64", "contentMediaType": "audio/wav"},
    )


class SpeechRequest(SpeakBody):
    """A text to be spoken."""

    stream: bool = Field(
        default=True, description="Send every clip to the asker too, before the result; audio.bytes has them anyway."
    )
    ticker: Symbol | None = Field(
        default=None, description="What it is about: a newer request replaces an older one not yet spoken."
    )
    transaction_id: UUID | None = Field(default=None, description="The proposal whose assessment it is.")


class AudioClip(Contract):
    """One sentence of a spoken text, in the order in which the text has them."""

    kind: Literal["clip"] = Field(default="clip", description="Tells the kinds of reply apart.")
    request_id: str = Field(description="Message id of the request.")
    index: int = Field(ge=0, description="0, 1, 2, … within one request.")
    last: bool = Field(description="Whether the text ends with it.")
    text: str = Field(description="What is said in it.")
    sample_rate: int = Field(gt=0, description="Samples a second, Hz.")
    seconds: float = Field(gt=0, description="How long it sounds, seconds.")
    wav_b64: str = Field(description="A complete WAV file (RIFF, 16-bit PCM, mono), base64.")
    engine: str = Field(description="Which engine spoke.")
    ticker: Symbol | None = Field(default=None, description="What it is about.")
    transaction_id: UUID | None = Field(default=None, description="The proposal whose assessment it is.")
    synthesis_seconds: float | None = Field(default=None, ge=0, description="How long the engine took for it, seconds.")


class SpeechResult(Contract):
    """A text was spoken to its end."""

    kind: Literal["spoken"] = Field(default="spoken", description="Tells the kinds of reply apart.")
    engine: str = Field(description="Which engine spoke.")
    clips: int = Field(ge=1, description="How many clips there were.")
    seconds: float = Field(gt=0, description="How long they sound together, seconds.")
    synthesis_seconds: float = Field(ge=0, description="How long the engine took for them, seconds.")


class AssessmentSpoken(Contract):
    """What became of the speech about one assessment."""

    transaction_id: UUID = Field(description="The proposal that was assessed.")
    run_id: UUID = Field(description="The run of the desk.")
    text_spoken: str = Field(max_length=153, description="What was to be said: 150 characters at most, then '...'.")
    status: Literal["spoken", "replaced", "failed"] = Field(
        description="replaced: a newer one of the same ticker came before its turn; failed: no voice in time."
    )
