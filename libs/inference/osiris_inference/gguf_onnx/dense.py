"""Weights in float, such as a training run leaves, under the names of `transformers`, for the same graph."""

from collections.abc import Mapping

import numpy as np

from osiris_inference.gguf_onnx.weights import BLOCK, F32, Architecture, Blocks

_OF_A_LAYER = {
    "attn_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
_OF_THE_MODEL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def name_in_transformers(name: str) -> str:
    """What `transformers` calls a tensor of a GGUF file of the llama family."""
    if name in _OF_THE_MODEL:
        return _OF_THE_MODEL[name]
    _, layer, rest = name.split(".", 2)
    return f"model.layers.{layer}.{_OF_A_LAYER[rest]}"


class DenseWeights:
    """Float matrices, quantised as they are asked for: 8 bits in blocks of 32, symmetric, as ggml's Q8_0.

    Args:
        tensors: float32 under the names of `transformers`; may read each only when it is asked for.
    """

    def __init__(self, architecture: Architecture, tensors: Mapping[str, F32]) -> None:
        self.architecture = architecture
        self._tensors = tensors

    @property
    def head_is_embedding(self) -> bool:
        """Whether the output layer shares the embedding's weights."""
        return name_in_transformers("output.weight") not in self._tensors

    def vector(self, name: str) -> F32:
        """A norm."""
        return np.asarray(self._tensors[name_in_transformers(name)], np.float32)

    def matrix(self, name: str, heads: int | None = None) -> Blocks:
        """A matrix; its rows lie as the graph wants them, whatever `heads`.

        Raises:
            ValueError: its rows are not whole blocks, or it holds NaN or an infinity.
        """
        dense = self.vector(name)
        if dense.shape[1] % BLOCK or not np.isfinite(dense).all():
            raise ValueError(f"expected finite rows of whole blocks of {BLOCK} in {name}, was {dense.shape}")
        return eight_bits(dense)


def eight_bits(dense: F32) -> Blocks:
    """A matrix in 8-bit blocks of 32, zero at level 128; a weight is off by 1/254 of its block's widest at most."""
    blocks = dense.reshape(len(dense), -1, BLOCK)
    scale = np.abs(blocks).max(-1) / np.float32(127)
    levels = np.rint(blocks / np.where(scale == 0, 1, scale)[..., None]) + 128
    return Blocks(levels.astype(np.uint8), scale, -128 * scale, 8)
