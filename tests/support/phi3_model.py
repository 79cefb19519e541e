"""A tiny random model of the Phi-3 architecture, and its logits computed with numpy alone.

Phi-3 (Abdin et al. 2024, "Phi-3 Technical Report", section 2) is a llama with a fused query-key-value matrix and a
fused gate-up matrix; later ones turn only part of each head (`partial_rotary_factor`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of the model; `rotary` values of each head are turned by their position."""

    rotary: int = 32
    layers: int = 2
    width: int = 96
    heads: int = 4
    kv_heads: int = 2
    head: int = 32
    inner: int = 128
    vocabulary: int = 320
    context: int = 512
    epsilon: float = 1e-5
    rope_base: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Layer:
    """Matrices of one layer, shape (inputs, outputs)."""

    norm: F32
    qkv: F32
    out: F32
    ffn_norm: F32
    gate_up: F32
    down: F32


class Phi3:
    """The model; equal seeds, equal weights."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        self.size = size
        random = np.random.default_rng(seed)

        def matrix(*shape: int) -> F32:
            return random.normal(0, shape[0] ** -0.5, shape).astype(np.float32)

        def norm() -> F32:
            return random.normal(1, 0.1, size.width).astype(np.float32)

        self.embedding = random.normal(0, 1, (size.vocabulary, size.width)).astype(np.float32)
        qkv = (size.heads + 2 * size.kv_heads) * size.head
        self.layers = [
            Layer(
                norm(),
                matrix(size.width, qkv),
                matrix(size.heads * size.head, size.width),
                norm(),
                matrix(size.width, 2 * size.inner),
                matrix(size.inner, size.width),
            )
            for _ in range(size.layers)
        ]
        self.norm = norm()
        self.head = matrix(size.width, size.vocabulary)

    def tables(self) -> tuple[F32, F32]:
        """Cosines and sines, shape (context, rotary / 2)."""
        size = self.size
        frequencies = size.rope_base ** (-np.arange(0, size.rotary, 2) / size.rotary)
        angles = np.outer(np.arange(size.context), frequencies)
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def logits(self, tokens: list[int]) -> F32:
        """After every token, shape (tokens, vocabulary): the whole sequence at once, no cache."""
        size = self.size
        hidden = self.embedding[tokens]
        for layer in self.layers:
            hidden = hidden + self._attention(self._normed(hidden, layer.norm), layer)
            gate, up = np.split(self._normed(hidden, layer.ffn_norm) @ layer.gate_up, 2, axis=-1)
            hidden = hidden + (gate / (1 + np.exp(-gate)) * up) @ layer.down
        logits: F32 = self._normed(hidden, self.norm) @ self.head
        assert logits.shape == (len(tokens), size.vocabulary)
        return logits

    def _normed(self, hidden: F32, weight: F32) -> F32:
        normed: F32 = hidden / np.sqrt((hidden**2).mean(-1, keepdims=True) + self.size.epsilon) * weight
        return normed

    def _attention(self, hidden: F32, layer: Layer) -> F32:
        size, count = self.size, len(hidden)
        edges = [size.heads * size.head, (size.heads + size.kv_heads) * size.head]
        query, key, value = (
            part.reshape(count, -1, size.head).swapaxes(0, 1) for part in np.split(hidden @ layer.qkv, edges, axis=-1)
        )
        repeat = size.heads // size.kv_heads
        key, value = np.repeat(self._turned(key), repeat, 0), np.repeat(value, repeat, 0)
        scores = self._turned(query) @ key.swapaxes(1, 2) * size.head**-0.5
        scores = np.where(np.tril(np.ones((count, count), bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (weights / weights.sum(-1, keepdims=True)) @ value
        out: F32 = mixed.swapaxes(0, 1).reshape(count, -1) @ layer.out
        return out

    def _turned(self, heads: F32) -> F32:
        cos, sin = (table[: heads.shape[1]] for table in self.tables())
        half = self.size.rotary // 2
        first, second, rest = heads[..., :half], heads[..., half : 2 * half], heads[..., 2 * half :]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin, rest], axis=-1)
