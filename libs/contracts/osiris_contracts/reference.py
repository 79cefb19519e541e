"""The recording of a voice that is to be cloned."""

import base64
import binascii

from osiris_contracts import wav

MAX_SECONDS = 30.0


class InvalidReference(ValueError):
    """A reference that cannot be used."""


class ReferenceTooLong(InvalidReference):
    """A reference that sounds longer than MAX_SECONDS."""


def decode(ref_wav_b64: str) -> bytes:
    """The WAV file that `ref_wav_b64` holds.

    Raises:
        InvalidReference: it is no base64, or no WAV file.
        ReferenceTooLong: it sounds too long.
    """
    try:
        file = base64.b64decode(ref_wav_b64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidReference(f"expected base64 of a WAV file: {error}") from error
    try:
        seconds = wav.read(file).seconds
    except wav.NotWav as error:
        raise InvalidReference(str(error)) from error
    if seconds > MAX_SECONDS:
        raise ReferenceTooLong(f"expected a recording of at most {MAX_SECONDS:g} s, got {seconds:.1f} s; shorten it")
    return file
