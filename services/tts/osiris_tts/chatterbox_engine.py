"""Chatterbox (Resemble AI, MIT): an expressive voice that clones others; English, Turbo and Multilingual.

It is loaded from a local folder, and nothing is fetched. What a cloned voice is made into belongs to the loaded model,
one voice at a time: the last ones are kept by the hash of their recording, and put in place for each sentence. Every
sample it makes bears Resemble's inaudible watermark.
"""

import hashlib
import io
import os
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from osiris_contracts import wav
from osiris_tts.protocol import Manner, Samples, Unspeakable

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported

Variant = Literal["english", "turbo", "multilingual"]

FILES: dict[Variant, tuple[str, ...]] = {
    "english": ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"),
    "turbo": ("ve.safetensors", "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "tokenizer_config.json"),
    "multilingual": ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json"),
}
"""What each of its models is loaded from; `conds.pt` beside them is a voice of its own. A .pt holds weights alone."""

_TURBO_SECONDS = 5.0


class ChatterboxEngine:
    """One of Chatterbox's models.

    Args:
        folder: of its files.
        voices: folder of recordings, NAME.wav, that a request may name; None: none.
        language: of the texts, for the multilingual one.
        voices_kept: cloned voices that are kept ready.
    """

    name = "chatterbox"

    def __init__(
        self,
        folder: Path,
        *,
        voices: Path | None = None,
        variant: Variant = "english",
        language: str = "en",
        device: str = "cpu",
        voices_kept: int = 16,
    ) -> None:
        self.device = device
        self._folder = folder
        self._recordings = voices
        self._variant: Variant = variant
        self._language = language
        self._voices_kept = voices_kept
        self._voices: OrderedDict[str, Any] = OrderedDict()
        self._own_voice: Any = None
        self._model: Any = None

    @property
    def version(self) -> str:
        """Of the package, and which model."""
        return f"chatterbox-{version('chatterbox-tts')}-{self._variant}"

    @property
    def sample_rate(self) -> int:
        """Samples a second, Hz."""
        return int(self._model.sr)

    def load(self) -> None:
        """Load the model.

        Raises:
            FileNotFoundError: a file of it is not in the folder.
            ImportError: its watermarker does not work here.
        """
        missing = [name for name in FILES[self._variant] if not (self._folder / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"expected {', '.join(missing)} in OSIRIS_TTS_MODEL={self._folder}; nothing is fetched"
            )
        import perth

        if perth.PerthImplicitWatermarker is None:
            raise ImportError(
                "expected setuptools older than 81 beside chatterbox: its watermarker needs pkg_resources"
            )
        self._model = _class(self._variant).from_local(self._folder, self.device)
        self._own_voice = self._model.conds

    def prepare(self, manner: Manner) -> None:
        """Put the voice in place; a new one is made from its recording.

        Raises:
            Unspeakable: there is no such voice, or its recording is too short.
        """
        recording = manner.reference or self._recording(manner.voice)
        if recording is None:
            if self._own_voice is None:
                raise Unspeakable(
                    "expected ref_wav_b64 or voice: the model's folder has no conds.pt, so no voice of its own"
                )
            self._model.conds = self._own_voice
            return
        key = hashlib.sha256(recording).hexdigest()
        if key not in self._voices:
            if self._variant == "turbo" and wav.read(recording).seconds <= _TURBO_SECONDS:
                raise Unspeakable(
                    f"expected a recording of more than {_TURBO_SECONDS:g} s, which Turbo needs; use a longer one"
                )
            self._model.prepare_conditionals(io.BytesIO(recording), exaggeration=manner.exaggeration)
            self._voices[key] = self._model.conds
        self._voices.move_to_end(key)
        while len(self._voices) > self._voices_kept:
            self._voices.popitem(last=False)
        self._model.conds = self._voices[key]

    def say(self, sentence: str, manner: Manner, seed: int) -> Samples:
        """Speak one sentence with the voice in place."""
        import librosa
        import torch

        torch.manual_seed(seed)
        made = self._model.generate(sentence, **self._options(manner))
        samples: Samples = made.squeeze(0).cpu().numpy().astype(np.float32)
        if manner.speed != 1:
            samples = librosa.effects.time_stretch(samples, rate=manner.speed)
        return samples

    def _options(self, manner: Manner) -> dict[str, Any]:
        options: dict[str, Any] = {"temperature": manner.temperature}
        if self._variant != "turbo":  # which has neither
            options |= {"exaggeration": manner.exaggeration, "cfg_weight": manner.cfg_weight}
        if self._variant == "multilingual":
            options["language_id"] = self._language
        return {name: value for name, value in options.items() if value is not None}

    def _recording(self, voice: str | None) -> bytes | None:
        if voice is None:
            return None
        found = {path.stem: path for path in sorted(self._recordings.glob("*.wav"))} if self._recordings else {}
        if voice not in found:
            raise Unspeakable(f"expected a voice that is installed ({', '.join(found) or 'none is'}), got {voice}")
        return found[voice].read_bytes()


def _class(variant: Variant) -> Any:
    if variant == "turbo":
        from chatterbox.tts_turbo import ChatterboxTurboTTS

        return ChatterboxTurboTTS
    if variant == "multilingual":
        from chatterbox.mtl_tts import ChatterboxMultilingualTTS

        return ChatterboxMultilingualTTS
    from chatterbox.tts import ChatterboxTTS

    return ChatterboxTTS
