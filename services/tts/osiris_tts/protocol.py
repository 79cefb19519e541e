"""What every speech engine offers: one sentence in, its samples out."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Samples = np.ndarray[Any, np.dtype[np.float32]]
"""Mono, from -1 to 1."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is said.

    Attributes:
        voice: name of a voice of the engine; None: its own.
        speed: 1 is the voice's own pace.
        exaggeration: how expressive, 0 to 2; only engines that can heed it.
        cfg_weight: how closely the voice is kept to, 0 to 1; None: the engine's own.
        temperature: how varied the delivery is; None: the engine's own.
        reference: a WAV file of the voice to be cloned.
    """

    voice: str | None = None
    speed: float = 1.0
    exaggeration: float = 0.5
    cfg_weight: float | None = None
    temperature: float | None = None
    reference: bytes | None = None


class Unspeakable(ValueError):
    """The engine cannot speak in this manner; the message says which can, or how."""


class SpeechEngine(Protocol):
    """A voice. Everything blocks; one thread uses it, one call at a time."""

    @property
    def name(self) -> str:
        """Of the engine."""
        ...

    @property
    def version(self) -> str:
        """Of the engine and its voice."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: cpu or cuda."""
        ...

    @property
    def sample_rate(self) -> int:
        """Samples a second, Hz."""
        ...

    def load(self) -> None:
        """Load the voice and warm it up.

        Raises:
            FileNotFoundError: its files are not where they should be.
        """
        ...

    def prepare(self, manner: Manner) -> None:
        """Be ready to speak in this manner.

        Raises:
            Unspeakable: it cannot.
        """
        ...

    def say(self, sentence: str, manner: Manner, seed: int) -> Samples:
        """Speak one sentence in a manner that was prepared; same seed, same samples."""
        ...
