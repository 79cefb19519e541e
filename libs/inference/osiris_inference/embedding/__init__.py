"""Texts as vectors: near in meaning, near in direction."""

from osiris_inference.embedding.minilm import MiniLm
from osiris_inference.embedding.protocol import EmbeddingEngine, Vector

__all__ = ["EmbeddingEngine", "MiniLm", "Vector"]
