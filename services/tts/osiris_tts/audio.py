"""Samples as a WAV file."""

import numpy as np

from osiris_contracts import wav
from osiris_tts.protocol import Samples

_SILENCE_SECONDS = 0.1


def wav_of(samples: Samples, sample_rate: int) -> bytes:
    """16-bit mono; a moment of silence for no samples at all, which a sentence without a word the voice knows gives."""
    if not samples.size:
        samples = np.zeros(int(_SILENCE_SECONDS * sample_rate), np.float32)
    pcm = (np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2")
    return wav.write(pcm.tobytes(), sample_rate)
