"""How the engine is set up."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class VllmEngineConfig:
    """Sizes of an engine.

    Attributes:
        slots: requests decoded at once.
        context: tokens of prompt and answer together.
        waiting: requests that may wait for room.
        memory_share: of the GPU's memory, for weights and keys and values together.
        tensor_parallel: GPUs that hold the model together.
        cpu_cache_gib: of keys and values, on vLLM's CPU build.
        adapters: folder of LoRA adapters, a folder each (PEFT: adapter_config.json, adapter_model.safetensors).
    """

    slots: int = 8
    context: int = 6144
    waiting: int = 64
    memory_share: float = 0.9
    tensor_parallel: int = 1
    cpu_cache_gib: int = 1
    adapters: Path | None = None
