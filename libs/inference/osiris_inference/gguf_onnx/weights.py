"""Reads the tensors of a GGUF file of the llama family, without losing a bit of what is stored.

The block layouts are those of ggml (ggml-common.h: block_q4_1, block_q8_0).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader
from numpy.typing import NDArray

BLOCK = 32

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of a llama-family decoder, and the constants of its layers."""

    name: str
    layers: int
    heads: int
    kv_heads: int
    width: int
    context: int
    epsilon: float
    rope_base: float

    @property
    def head_size(self) -> int:
        """Width of one head."""
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Blocks:
    """A matrix in blocks of 32 weights along its rows: weight = scale · level + minimum.

    Attributes:
        levels: uint8, shape (rows, blocks, 32).
        scale, minimum: float32, shape (rows, blocks).
        bits: of a level, as stored: 4 or 8.
    """

    levels: U8
    scale: F32
    minimum: F32
    bits: int

    def dense(self) -> F32:
        """The weights themselves, shape (rows, columns)."""
        weights = self.levels * self.scale[..., None] + self.minimum[..., None]
        return weights.reshape(len(self.levels), -1).astype(np.float32)


class _Reader(GGUFReader):
    """The library slices its memory map once for every token; plain array views of it are twice as fast."""

    @property
    def data(self) -> Any:
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:
        self._data = np.asarray(mapped)


class Weights:
    """An open GGUF file.

    Raises:
        ValueError: the file is no llama-family model, or holds a tensor type that is not supported.
    """

    def __init__(self, path: Path) -> None:
        self._reader = _Reader(str(path))
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        family = self.metadata("general.architecture")
        if family != "llama":
            raise ValueError(f"expected a GGUF of the llama family, {path.name} is '{family}'")
        self.architecture = Architecture(
            name=str(self.metadata("general.name", path.stem)),
            layers=int(self.metadata("llama.block_count")),
            heads=int(self.metadata("llama.attention.head_count")),
            kv_heads=int(self.metadata("llama.attention.head_count_kv")),
            width=int(self.metadata("llama.embedding_length")),
            context=int(self.metadata("llama.context_length")),
            epsilon=float(self.metadata("llama.attention.layer_norm_rms_epsilon")),
            rope_base=float(self.metadata("llama.rope.freq_base", 10_000.0)),
        )

    def metadata(self, key: str, default: Any = None) -> Any:
        """A metadata value."""
        field = self._reader.fields.get(key)
        if field is None:
            if default is None:
                raise ValueError(f"expected metadata '{key}' in the GGUF file, it has none")
            return default
        return field.contents()

    @property
    def head_is_embedding(self) -> bool:
        """Whether the output layer shares the embedding's weights."""
        return "output.weight" not in self._tensors

    def vector(self, name: str) -> F32:
        """A float tensor, such as a norm."""
        return np.asarray(self._tensors[name].data, np.float32)

    def matrix(self, name: str, heads: int | None = None) -> Blocks:
        """A quantised matrix. `heads`: of a query or key matrix, whose rows GGUF stores permuted for RoPE."""
        tensor = self._tensors[name]
        kind = tensor.tensor_type.name
        match kind:
            case "Q4_1":
                blocks = _q4_1(tensor.data)
            case "Q8_0":
                blocks = _q8_0(tensor.data)
            case _:
                raise ValueError(f"expected tensor {name} as Q4_1 or Q8_0, was {kind}")
        if heads is None:
            return blocks
        return Blocks(
            _unpermute(blocks.levels, heads),
            _unpermute(blocks.scale, heads),
            _unpermute(blocks.minimum, heads),
            blocks.bits,
        )


def _half(raw: U8) -> F32:
    return raw.copy().view(np.float16)[..., 0].astype(np.float32)


def _q4_1(raw: U8) -> Blocks:
    blocks = raw.reshape(len(raw), -1, 20)
    levels = np.concatenate([blocks[..., 4:] & 15, blocks[..., 4:] >> 4], axis=-1)
    return Blocks(levels, _half(blocks[..., 0:2]), _half(blocks[..., 2:4]), 4)


def _q8_0(raw: U8) -> Blocks:
    blocks = raw.reshape(len(raw), -1, 34)
    levels = (blocks[..., 2:].view(np.int8).astype(np.int16) + 128).astype(np.uint8)
    scale = _half(blocks[..., 0:2])
    return Blocks(levels, scale, -128 * scale, 8)


def _unpermute(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """Undo llama.cpp's interleaving of a head's two rotary halves (convert_hf_to_gguf.py: LlamaModel.permute)."""
    size = rows.shape[0] // heads // 2
    return rows.reshape(heads, size, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def stack(parts: list[Blocks]) -> Blocks:
    """Matrices on top of one another."""
    return Blocks(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.minimum for part in parts]),
        parts[0].bits,
    )


def to_eight_bits(blocks: Blocks) -> tuple[U8, F32, U8 | None]:
    """Levels, scales and integer zero points in 8 bits: weight ≈ scale · (level - zero).

    Sixteen 8-bit levels stand for each 4-bit one, so that the zero point can be rounded to a sixteenth of a level; a
    block whose zero lies outside its levels is quantised anew, symmetrically. A zero of None is 128 everywhere.
    """
    if blocks.bits == 8:
        return blocks.levels, blocks.scale, None
    zero = np.rint(-16 * blocks.minimum / np.where(blocks.scale == 0, 1, blocks.scale))
    levels, scale = blocks.levels * np.uint8(16), blocks.scale / np.float32(16)
    outside = (zero < 0) | (zero > 255)
    if outside.any():
        weights = blocks.levels[outside] * blocks.scale[outside][:, None] + blocks.minimum[outside][:, None]
        widest = np.abs(weights).max(-1) / 127
        scale[outside] = np.where(widest == 0, 1, widest)
        levels[outside] = (np.rint(weights / scale[outside][:, None]) + 128).astype(np.uint8)
        zero[outside] = 128
    return levels, scale, zero.astype(np.uint8)
