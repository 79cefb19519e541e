"""WAV files (RIFF WAVE): the clips the desk writes, the references it is given."""

import io
import struct
import wave
from dataclasses import dataclass

_HEADER = 12
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN = 0xFFFFFFFF
"""The length field of a file whose length is not known when it begins."""


class NotWav(ValueError):
    """The bytes are no WAV file that can be read."""


@dataclass(frozen=True, slots=True)
class Wav:
    """What a WAV file holds.

    Attributes:
        encoding: pcm or float.
        bits: of one sample.
        channels: 1 is mono.
        sample_rate: samples a second of one channel, Hz.
        frames: the samples as they lie there, all channels in turn, little-endian.
    """

    encoding: str
    bits: int
    channels: int
    sample_rate: int
    frames: bytes

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.frames) / (self.bits // 8 * self.channels * self.sample_rate)


def write(pcm: bytes, sample_rate: int) -> bytes:
    """A complete WAV file of 16-bit little-endian mono samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(1)
        output.setsampwidth(2)
        output.setframerate(sample_rate)
        output.writeframes(pcm)
    return file.getvalue()


def open_header(sample_rate: int) -> bytes:
    """How a WAV file of 16-bit mono samples begins whose length nobody knows yet."""
    header = bytearray(write(b"", sample_rate))
    struct.pack_into("<I", header, 4, UNKNOWN)
    struct.pack_into("<I", header, len(header) - 4, UNKNOWN)
    return bytes(header)


def read(data: bytes) -> Wav:
    """What the file `data` holds. A length field that goes beyond its end, as streamed files have, is taken as its end.

    Raises:
        NotWav: it is no WAV file, holds no samples, or is compressed.
    """
    if len(data) < _HEADER or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise NotWav(f"expected a WAV file, which begins with RIFF and WAVE, got {data[:12]!r}")
    form, at = None, _HEADER
    while at + _CHUNK.size <= len(data):
        name, size = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if name == b"fmt ":
            form = _form(data[at : at + size])
        elif name == b"data":
            if form is None:
                break
            return _checked(Wav(*form, frames=data[at : at + size]))
        at += size + size % 2
    raise NotWav("expected a WAV file with a format and samples, it has none")


def _form(chunk: bytes) -> tuple[str, int, int, int]:
    if len(chunk) < _FORMAT.size:
        raise NotWav(f"expected a format of 16 bytes or more in the WAV file, got {len(chunk)}")
    kind, channels, rate, _, _, bits = _FORMAT.unpack_from(chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    encoding = {_PCM: "pcm", _FLOAT: "float"}.get(kind)
    if encoding is None:
        raise NotWav(f"expected WAV samples in PCM or float, got format {kind}")
    return encoding, bits, channels, rate


def _checked(wav: Wav) -> Wav:
    widths = (8, 16, 24, 32) if wav.encoding == "pcm" else (32, 64)
    if wav.bits not in widths or not 1 <= wav.channels <= 8 or not 4_000 <= wav.sample_rate <= 384_000:
        raise NotWav(
            f"expected 1 to 8 channels at 4 to 384 kHz, {wav.encoding} of {', '.join(map(str, widths))} bits, "
            f"got {wav.channels} at {wav.sample_rate} Hz, {wav.bits} bits"
        )
    if len(wav.frames) < wav.bits // 8 * wav.channels:
        raise NotWav("expected a WAV file with samples, it has none")
    return wav
