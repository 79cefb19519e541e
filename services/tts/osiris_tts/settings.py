"""What the voice can be told."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings


class TtsSettings(MeshSettings):
    """Settings of the voice (`OSIRIS_TTS_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_TTS_", env_file=".env", extra="ignore", populate_by_name=True)

    engine: Literal["hibari", "chatterbox"] = Field(
        default="hibari", description="What speaks: hibari, or chatterbox where its environment is installed."
    )
    voice: str | None = Field(
        default=None, min_length=1, max_length=100, description="Voice of a request that names none; unset: heart."
    )
    voices: Path | None = Field(
        default=None,
        description="Folder of more voices, none is fetched: hibari's *.onnx; recordings NAME.wav for chatterbox.",
    )
    model: Path | None = Field(
        default=None, description="chatterbox: folder of its safetensors; nothing is fetched. It has to be set."
    )
    variant: Literal["english", "turbo", "multilingual"] = Field(
        default="english", description="chatterbox: which of its models lies in the folder."
    )
    language: str = Field(
        default="en", pattern=r"^[a-z]{2}$", description="chatterbox, multilingual: language of the texts, ISO 639-1."
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="chatterbox: what computes.")
    cloned_voices: int = Field(default=16, ge=1, description="chatterbox: cloned voices kept ready, the last used.")
    read_ahead: int = Field(
        default=64, ge=1, le=1024, description="Requests of each priority held at once; one of them is spoken."
    )

    @model_validator(mode="after")
    def _chatterbox_has_a_folder(self) -> Self:
        if self.engine == "chatterbox" and self.model is None:
            raise ValueError(
                "expected OSIRIS_TTS_MODEL with OSIRIS_TTS_ENGINE=chatterbox: the folder of its safetensors"
            )
        return self
