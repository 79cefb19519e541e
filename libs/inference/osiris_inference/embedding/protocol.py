"""What every embedding engine offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""Of length 1: the dot product of two is their cosine similarity, -1 to 1."""


class EmbeddingEngine(Protocol):
    """A model that turns texts into vectors, without blocking the event loop."""

    @property
    def version(self) -> str:
        """Names the model; vectors of different versions do not compare."""
        ...

    async def load(self) -> None:
        """Load the model."""
        ...

    async def embed(self, text: str) -> Vector:
        """The vector of `text`; equal texts have equal vectors, whatever else is asked for.

        Raises:
            EngineClosed: it was not loaded.
        """
        ...

    async def close(self) -> None:
        """Free the model."""
        ...
