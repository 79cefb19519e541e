"""What a candidate may use up."""

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one candidate's process.

    Attributes:
        memory_bytes: of address space.
        cpu_seconds: in all; whole seconds.
        answer_seconds: wall time of one answer, and of loading the code.
        wall_seconds: wall time in all.
        answer_bytes: length of one answer.
    """

    memory_bytes: int = 256 << 20
    cpu_seconds: int = 30
    answer_seconds: float = 1.0
    wall_seconds: float = 60.0
    answer_bytes: int = 16 * 1024

    def to_json(self) -> str:
        """As the child is told them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As the parent told them."""
        return cls(**json.loads(text))
