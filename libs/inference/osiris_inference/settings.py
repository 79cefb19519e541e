"""What every service that holds an ONNX model can be told."""

from pathlib import Path

from pydantic import Field

from osiris_mesh import MeshSettings, shared


class EngineSettings(MeshSettings):
    """Settings of a model service; its own prefix is `OSIRIS_<SERVICE>_`."""

    models: Path | None = Field(
        default=None,
        validation_alias=shared("MODELS"),
        description="Folder of model folders, <role>/<version>/…; default: models under OSIRIS_HOME.",
    )
    model: Path | None = Field(
        default=None,
        description="One model folder to load instead of the current version; default: what `current` points to, "
        "else the embedded SmolLM2-135M-Instruct.",
    )
    slots: int = Field(default=8, ge=1, le=256, description="Requests decoded at once.")
    context: int = Field(
        default=2048, ge=64, description="Tokens of prompt and answer together, at most what the model allows."
    )
    prefix_cache_mib: int = Field(
        default=256, ge=0, description="MiB of prompt beginnings kept for the next prompt that begins alike; 0: none."
    )
    threads: int = Field(default=0, ge=0, description="Threads of the model; 0: one for each core.")

    @property
    def models_root(self) -> Path:
        """The folder of model folders."""
        return self.models or self.home / "models"
