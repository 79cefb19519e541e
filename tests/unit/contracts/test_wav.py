"""WAV files: what is written can be read by others, and what others write is read or refused."""

import base64
import io
import struct
import wave

import pytest

from osiris_contracts import wav
from osiris_contracts.reference import InvalidReference, ReferenceTooLong, decode

SECOND = b"\1\0" * 24_000


def test_a_file_that_is_written_is_what_the_standard_library_reads() -> None:
    file = wav.write(SECOND, 24_000)
    assert struct.unpack_from("<I", file, 4)[0] == len(file) - 8
    with wave.open(io.BytesIO(file)) as found:
        assert (found.getnchannels(), found.getsampwidth(), found.getframerate()) == (1, 2, 24_000)
        assert found.readframes(found.getnframes()) == SECOND
    assert wav.read(file).seconds == 1


def test_a_streamed_file_ends_where_it_ends() -> None:
    assert wav.read(wav.open_header(24_000) + SECOND).frames == SECOND


def test_float_and_many_channels_are_read() -> None:
    form = struct.pack("<HHIIHH", 3, 2, 48_000, 384_000, 8, 32)
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", 16) + form
    file = b"RIFF" + struct.pack("<I", 0) + body + b"data" + struct.pack("<I", 384_000) + bytes(384_000)
    assert wav.read(file).seconds == 1


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"hello, I am no sound at all",
        wav.write(b"", 24_000),
        wav.write(SECOND, 24_000)[:30],
        wav.write(SECOND, 24_000).replace(struct.pack("<HHI", 1, 1, 24_000), struct.pack("<HHI", 2, 1, 24_000)),
        wav.write(SECOND, 24_000).replace(struct.pack("<HHI", 1, 1, 24_000), struct.pack("<HHI", 1, 1, 0)),
    ],
)
def test_what_is_no_wav_is_refused(file: bytes) -> None:
    with pytest.raises(wav.NotWav, match="expected"):
        wav.read(file)


def test_a_reference_is_base64_of_a_wav_that_is_not_too_long() -> None:
    file = wav.write(SECOND * 30, 24_000)
    assert decode(base64.b64encode(file).decode()) == file
    with pytest.raises(InvalidReference, match="base64"):
        decode("not base64!")
    with pytest.raises(InvalidReference, match="RIFF"):
        decode(base64.b64encode(b"hello").decode())
    with pytest.raises(ReferenceTooLong, match=r"31\.0 s"):
        decode(base64.b64encode(wav.write(SECOND * 31, 24_000)).decode())
