"""What every service that holds an ONNX model can be told."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from osiris_contracts import Priority
from osiris_mesh import MeshSettings, shared


class EngineSettings(MeshSettings):
    """Settings of a model service; its own prefix is `OSIRIS_<SERVICE>_`."""

    engine: Literal["onnx", "vllm"] = Field(
        default="onnx", description="What runs the model: onnx, or vllm where its environment is installed."
    )
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
    read_ahead: int = Field(
        default=8, ge=0, le=256, description="Requests of each priority held beside those, read ahead of a free slot."
    )
    context: int | None = Field(
        default=None,
        ge=64,
        description="Tokens of prompt and answer together, at most what the model allows; "
        "unset: 2048 with onnx, 6144 with vllm.",
    )
    prefix_cache_mib: int = Field(
        default=256, ge=0, description="MiB of prompt beginnings kept for the next prompt that begins alike; 0: none."
    )
    provider: Literal["cpu", "cuda"] = Field(
        default="cpu", description="onnx: what computes; cuda wants onnxruntime-gpu."
    )
    gpu_memory_share: float = Field(
        default=0.9, gt=0, le=1, description="vllm: of the GPU's memory, for weights, keys and values."
    )
    tensor_parallel: int = Field(
        default=1, ge=1, le=16, description="vllm: GPUs of this machine that hold the model together."
    )
    adapters: Path | None = Field(
        default=None,
        description="Folder of LoRA adapters a request may name: NAME.onnx_adapter, or PEFT folders for vllm.",
    )
    memory_budget_mib: int | None = Field(
        default=None,
        ge=1,
        description="onnx: MiB that the service may hold. A request whose predicted peak passes it waits for those "
        "that run, or is refused; unset: nine tenths of the machine's, or the container's.",
    )
    threads: int = Field(default=0, ge=0, description="Threads of the model; 0: one for each core.")

    @property
    def workers(self) -> int:
        """Requests of one priority held at once."""
        return self.slots + self.read_ahead

    @property
    def waiting(self) -> int:
        """Requests that may wait for a slot: those of all priorities."""
        return len(get_args(Priority)) * self.workers

    @property
    def models_root(self) -> Path:
        """The folder of model folders."""
        return self.models or self.home / "models"
