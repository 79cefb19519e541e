"""hibari (Apache-2.0): a small American voice that lies in its wheel, far faster than it sounds on one core."""

from importlib.metadata import version
from pathlib import Path

import onnxruntime
from hibari import Hibari
from hibari.voices import DEFAULT, VOICES

from osiris_tts.protocol import Manner, Samples, Unspeakable

onnxruntime.disable_telemetry_events()


class HibariEngine:
    """Speaks with the voice of the wheel, and with those whose files lie in a folder. It never fetches one.

    Args:
        voice: of a request that names none; None: the one in the wheel.
        folder: of the other voices' files, named as hibari publishes them.
    """

    name = "hibari"
    device = "cpu"
    sample_rate = int(Hibari.sample_rate)

    def __init__(self, *, voice: str | None = None, folder: Path | None = None) -> None:
        self._voice = voice or DEFAULT
        self._folder = folder
        self._loaded: dict[str, Hibari] = {}

    @property
    def version(self) -> str:
        """Of the package and its voice."""
        return f"hibari-{version('hibari-tts')}-{self._voice}"

    def load(self) -> None:
        """Load the voice and say a word, which also reads the pronunciations.

        Raises:
            FileNotFoundError: there is no such voice here.
        """
        try:
            self._of(self._voice)("Ready.", seed=0)
        except Unspeakable as error:
            raise FileNotFoundError(f"OSIRIS_TTS_VOICE: {error}") from None

    def prepare(self, manner: Manner) -> None:
        """Load the voice that is asked for.

        Raises:
            Unspeakable: there is no such voice here, or one is to be cloned.
        """
        if manner.reference is not None:
            raise Unspeakable(
                "expected no reference to clone a voice from: hibari cannot clone, chatterbox can "
                "(OSIRIS_TTS_ENGINE=chatterbox)"
            )
        self._of(manner.voice)

    def say(self, sentence: str, manner: Manner, seed: int) -> Samples:
        """Speak one sentence."""
        samples: Samples = self._of(manner.voice)(sentence, speed=manner.speed, seed=seed)
        return samples

    def _of(self, voice: str | None) -> Hibari:
        name = voice or self._voice
        if name not in self._loaded:
            here = self._voices()
            if name not in here:
                raise Unspeakable(f"expected a voice that is installed ({', '.join(here)}), got {name}")
            self._loaded[name] = Hibari(voice=name, model=str(here[name]) if here[name] else None)
        return self._loaded[name]

    def _voices(self) -> dict[str, Path | None]:
        """The voices that are installed, and their files; None for the one in the wheel."""
        found: dict[str, Path | None] = {DEFAULT: None}
        if self._folder is not None:
            files = {name: self._folder / Path(facts["file"]).name for name, facts in VOICES.items()}
            found |= {name: file for name, file in files.items() if name != DEFAULT and file.is_file()}
        return found
