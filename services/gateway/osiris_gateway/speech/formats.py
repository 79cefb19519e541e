"""Audio files in the making: clips go in, the bytes of one file come out, as early as its format allows.

wav and pcm need no library; flac, opus and mp3 are libsndfile's.
"""

import base64
import io
from typing import Any, Literal, Protocol

from osiris_contracts import AudioClip, wav

Format = Literal["mp3", "opus", "flac", "wav", "pcm"]

MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_LIBSNDFILE: dict[Format, tuple[str, str]] = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
    "flac": ("FLAC", "PCM_16"),
}


class Encoder(Protocol):
    """One file."""

    def add(self, clip: AudioClip) -> bytes:
        """The bytes that the next clip brings; the last ends the file."""
        ...


def encoder(kind: Format) -> Encoder:
    """A new file of this format."""
    if kind in ("wav", "pcm"):
        return _Raw(header=kind == "wav")
    return _Encoded(kind)


def pcm_of(clip: AudioClip) -> bytes:
    """Its samples, 16 bit, little-endian, mono."""
    return wav.read(base64.b64decode(clip.wav_b64)).frames


class _Raw:
    """Samples, behind the header of a WAV file or not. A single clip is its own file, with the right length."""

    def __init__(self, *, header: bool) -> None:
        self._header = header

    def add(self, clip: AudioClip) -> bytes:
        samples = pcm_of(clip)
        if not self._header or clip.index:
            return samples
        return wav.write(samples, clip.sample_rate) if clip.last else wav.open_header(clip.sample_rate) + samples


class _Encoded:
    """What libsndfile writes. The head of a flac holds no length, unless there is but one clip; an mp3 comes whole, at
    its end, because players believe what its first frame says of its length."""

    def __init__(self, kind: Format) -> None:
        self._kind = kind
        self._file = io.BytesIO()
        self._sent = 0
        self._output: Any = None

    def add(self, clip: AudioClip) -> bytes:
        import numpy as np
        import soundfile

        if self._output is None:
            container, coding = _LIBSNDFILE[self._kind]
            self._output = soundfile.SoundFile(self._file, "w", clip.sample_rate, 1, coding, format=container)
        self._output.write(np.frombuffer(pcm_of(clip), "<i2"))
        if clip.last:
            self._output.close()
        elif self._kind == "mp3":
            return b""
        else:
            self._output.flush()
        made = self._file.getvalue()[self._sent :]
        self._sent += len(made)
        return made
