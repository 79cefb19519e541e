"""How the engine is set up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnnxEngineConfig:
    """Sizes of an engine.

    Attributes:
        slots: requests decoded at once.
        context: tokens of prompt and answer together, at most what the model allows.
        threads: of the model; 0 leaves it to onnxruntime, one for each core.
        waiting: requests that may wait for a slot.
    """

    slots: int = 8
    context: int = 2048
    threads: int = 0
    waiting: int = 64
