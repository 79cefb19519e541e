"""How the engine is set up."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class OnnxEngineConfig:
    """Sizes of an engine.

    Attributes:
        slots: requests decoded at once.
        context: tokens of prompt and answer together, at most what the model allows.
        threads: of the model; 0 leaves it to onnxruntime, one for each core.
        waiting: requests that may wait for a slot.
        prefix_cache: bytes of keys and values of prompt beginnings kept for the next prompt that begins alike.
        adapters: folder of LoRA adapters, `<name>.onnx_adapter`, for a graph that takes them.
        provider: what computes; cuda wants onnxruntime-gpu.
        memory_budget: bytes that the process may hold at its peak; None: `budget.default_limit`.
        forced_tokens: whether tokens that a grammar forces are appended at once instead of decoded one by one.
    """

    slots: int = 8
    context: int = 2048
    threads: int = 0
    waiting: int = 64
    prefix_cache: int = 256 * 2**20
    memory_budget: int | None = None
    forced_tokens: bool = True
    adapters: Path | None = None
    provider: Literal["cpu", "cuda"] = "cpu"
