"""What a night can be told."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings, shared


class NightSettings(MeshSettings):
    """Settings of the night (`OSIRIS_NIGHT_…`)."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_NIGHT_", env_file=".env", extra="ignore", populate_by_name=True
    )

    models: Path | None = Field(
        default=None,
        validation_alias=shared("MODELS"),
        description="Folder of model folders, <role>/<version>/…; default: models under OSIRIS_HOME.",
    )
    base: Path | None = Field(
        default=None,
        description="What every night begins with: a GGUF file of the llama family, or a folder of transformers' kind "
        "with safetensors; default: the embedded SmolLM2-135M-Instruct.",
    )
    min_pairs: int = Field(default=20, ge=2, description="With fewer corrections than these a night is skipped.")
    held_out_share: float = Field(
        default=0.25, gt=0, lt=1, description="Of the corrections, the newest, that judge the night."
    )
    most_examples: int = Field(default=2_000, ge=2, description="Corrections learnt at most, the newest.")
    precision: Literal["auto", "f32", "bf16", "nf4"] = Field(
        default="auto",
        description="Of the weights while they are trained; auto: nf4 (QLoRA) on a GPU, f32 on a CPU, where bf16 is "
        "slower unless it computes in it.",
    )
    top_layers: int = Field(
        default=10, ge=0, description="Layers that learn, from the top, all their linear maps; 0: every layer."
    )
    rank: int = Field(default=8, ge=1, le=256, description="Of the LoRA matrices.")
    batch: int = Field(default=4, ge=1, le=256, description="Examples a step.")
    sft_steps: int = Field(default=30, ge=1, description="Steps of imitation; more where there are more examples.")
    sft_rate: float = Field(default=2e-3, gt=0, description="Learning rate of imitation.")
    dpo_steps: int = Field(default=10, ge=1, description="Steps of preference; more where there are more pairs.")
    dpo_rate: float = Field(default=5e-4, gt=0, description="Learning rate of preference.")
    beta: float = Field(default=0.1, gt=0, description="How strongly preference is held to where it began.")
    adapter: bool = Field(
        default=False,
        description="Also publish what was learnt as a LoRA adapter, models/adapters/NIGHT.onnx_adapter, and the base "
        "model with room for it as a version of phi3.",
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="Of draws and of new weights.")
    threads: int = Field(default=0, ge=0, description="Threads of the training; 0: one for each core.")
    kept: int = Field(default=14, ge=1, description="Nights whose folder stays, without its weights.")

    @property
    def models_root(self) -> Path:
        """The folder of model folders."""
        return self.models or self.home / "models"

    @property
    def nights(self) -> Path:
        """Where the nights' folders lie."""
        return self.home / "nights"
