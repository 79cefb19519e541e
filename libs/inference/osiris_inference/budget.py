"""What a request will take of memory at its peak, learned from what earlier ones took."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from osiris_inference.protocol import MemoryExceeded

MIB = 2**20
SHARE = 0.9
"""Of the machine's memory, when nobody says how much."""

_FORGETS = 0.02
"""Share by which the learned workspace falls towards a smaller measurement: it rises at once, and falls slowly."""

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, slots=True)
class Prediction:
    """The peak with one more request, bytes.

    Attributes:
        weights: of the model.
        cache: keys and values of every token, prompt and answer, that may come to lie there; and of kept prompts.
        workspace: everything else: prefill, runtime, the interpreter.
        budget: what all of it must not pass.
    """

    weights: int
    cache: int
    workspace: int
    budget: int

    @property
    def total(self) -> int:
        """The predicted peak."""
        return self.weights + self.cache + self.workspace

    @property
    def fits(self) -> bool:
        """Whether it stays within the budget."""
        return self.total <= self.budget


class MemoryBudget:
    """Predicts peaks, and learns the part of them that cannot be computed.

    Args:
        limit: bytes that the process may hold.
        weights: bytes of the model.
        bytes_per_token: keys and values of one token in all layers.
    """

    def __init__(self, limit: int, *, weights: int, bytes_per_token: int) -> None:
        self.limit = limit
        self.weights = weights
        self.bytes_per_token = bytes_per_token
        self.workspace = 0.0
        self.measured = 0

    def predict(self, tokens: int, kept: int = 0) -> Prediction:
        """The peak while so many tokens have a place, and `kept` bytes of known prompts."""
        cache = tokens * self.bytes_per_token + kept
        return Prediction(self.weights, cache, round(self.workspace), self.limit)

    def require(self, tokens: int) -> None:
        """Refuse a request that would not even fit alone.

        Raises:
            MemoryExceeded: its predicted peak passes the budget; with the numbers.
        """
        peak = self.predict(tokens)
        if not peak.fits:
            room = max((self.limit - self.weights - round(self.workspace)) // self.bytes_per_token, 0)
            raise MemoryExceeded(
                f"expected a peak of at most {peak.budget / MIB:.0f} MiB, this request's is predicted at "
                f"{peak.total / MIB:.0f} MiB (weights {peak.weights / MIB:.0f}, keys and values of {tokens} tokens "
                f"{peak.cache / MIB:.0f}, workspace {peak.workspace / MIB:.0f}); ask for at most {room} tokens, prompt "
                "and answer together",
                peak.total,
                peak.budget,
            )

    def learn(self, resident: int, cache: int) -> None:
        """Take a measurement.

        Args:
            resident: bytes that the process holds.
            cache: of those, keys and values.
        """
        self.measured = max(self.measured, resident)
        workspace = max(resident - cache - self.weights, 0)
        falls = self.workspace + _FORGETS * (workspace - self.workspace)
        self.workspace = max(workspace, falls)

    def relearn(self, resident: int, cache: int) -> None:
        """Take a measurement of an idle engine for the whole truth, so that one peak does not refuse work for ever."""
        self.workspace = 0.0
        self.learn(resident, cache)


_PROCESS = psutil.Process()


def resident() -> int:
    """Bytes that this process holds."""
    return int(_PROCESS.memory_info().rss)


def default_limit() -> int:
    """SHARE of the memory that this machine, or this container, has."""
    limits = [psutil.virtual_memory().total]
    for path in _CONTAINER_LIMITS:
        if path.exists() and (text := path.read_text().strip()).isdigit():
            limits.append(int(text))
    return int(SHARE * min(limits))
