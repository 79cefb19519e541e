"""The embedded SmolLM2 weights as a checkpoint of `transformers`: dense, or in GPTQ as Hermes-3-8B is published."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from osiris_inference.gguf_onnx import tokenizer
from osiris_inference.gguf_onnx.weights import Weights
from osiris_inference.model_store import embedded_weights

BITS, GROUP, ZERO = 4, 32, 8
PER_WORD = 32 // BITS

_LINEAR = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def write(folder: Path, *, gptq: bool) -> Path:
    """Write the checkpoint to `folder`; returns it."""
    weights = Weights(embedded_weights())
    size = weights.architecture
    tensors = {
        "model.embed_tokens.weight": weights.matrix("token_embd.weight").dense().astype(np.float16),
        "model.norm.weight": weights.vector("output_norm.weight").astype(np.float16),
    }
    for layer in range(size.layers):
        for ours, theirs in _NORMS.items():
            norm = weights.vector(f"blk.{layer}.{ours}.weight")
            tensors[f"model.layers.{layer}.{theirs}.weight"] = norm.astype(np.float16)
        for ours, theirs in _LINEAR.items():
            heads = {"attn_q": size.heads, "attn_k": size.kv_heads}.get(ours)
            matrix = weights.matrix(f"blk.{layer}.{ours}.weight", heads).dense()
            parts = quantised(matrix) if gptq else {"weight": matrix.astype(np.float16)}
            for part, values in parts.items():
                tensors[f"model.layers.{layer}.{theirs}.{part}"] = values
    folder.mkdir(parents=True)
    # a view that is not contiguous is written as garbage
    contiguous = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    save_file(contiguous, folder / "model.safetensors", metadata={"format": "pt"})
    _write_config(folder, weights, gptq=gptq)
    return folder


def quantised(matrix: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """A matrix, shape (outputs, inputs), in the layout of AutoGPTQ: groups of 32 inputs, symmetric around 8."""
    outputs, inputs = matrix.shape
    groups = matrix.reshape(outputs, -1, GROUP)
    widest = np.take_along_axis(groups, np.abs(groups).argmax(-1)[..., None], -1)[..., 0]
    scale = (widest / -ZERO).astype(np.float16)
    scale[scale == 0] = 1
    levels = np.clip(np.rint(groups / scale.astype(np.float32)[..., None]) + ZERO, 0, 15).astype(np.uint32)
    return {
        "qweight": _packed(levels.reshape(outputs, inputs).T, axis=0),
        "qzeros": _packed(np.full((inputs // GROUP, outputs), ZERO - 1, np.uint32), axis=1),
        "scales": scale.T,
        "g_idx": (np.arange(inputs) // GROUP).astype(np.int32),
    }


def _packed(levels: NDArray[np.uint32], axis: int) -> NDArray[np.int32]:
    """Eight levels of four bits to an integer, the first in the lowest bits."""
    moved = np.moveaxis(levels, axis, -1).reshape(*np.moveaxis(levels, axis, -1).shape[:-1], -1, PER_WORD)
    words = (moved << (BITS * np.arange(PER_WORD, dtype=np.uint32))).sum(-1, dtype=np.uint32)
    return np.moveaxis(words, -1, axis).view(np.int32) if axis else np.moveaxis(words, -1, 0).copy().view(np.int32)


def _write_config(folder: Path, weights: Weights, *, gptq: bool) -> None:
    size = weights.architecture
    feed_forward = int(weights.metadata("llama.feed_forward_length"))
    end = int(weights.metadata("tokenizer.ggml.eos_token_id"))
    start = int(weights.metadata("tokenizer.ggml.bos_token_id"))
    tokens: list[str] = weights.metadata("tokenizer.ggml.tokens")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": size.width,
        "intermediate_size": feed_forward,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "vocab_size": len(tokens),
        "max_position_embeddings": size.context,
        "rms_norm_eps": size.epsilon,
        "rope_theta": size.rope_base,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "bos_token_id": start,
        "eos_token_id": end,
    }
    if gptq:
        config["quantization_config"] = {
            "quant_method": "gptq",
            "bits": BITS,
            "group_size": GROUP,
            "sym": True,
            "desc_act": False,
            "checkpoint_format": "gptq",
        }
    _write_json(folder / "config.json", config)
    tokenizer.build(weights).save(str(folder / "tokenizer.json"))
    template = weights.metadata("tokenizer.chat_template")
    special = {"eos_token": tokens[end], "bos_token": tokens[start], "chat_template": template}
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **special})
    _write_json(folder / "generation_config.json", {"bos_token_id": start, "eos_token_id": end})


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
