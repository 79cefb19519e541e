"""The model a night begins with, as a folder of `transformers`' kind: float weights, config, tokenizer, template.

Every night begins with the same one and learns all corrections anew, so that no night's mistakes add up.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from osiris_inference.gguf_onnx import Architecture, Weights, name_in_transformers, tokenizer
from osiris_inference.manifest import CHAT_TEMPLATE, CONFIG, TOKENIZER

WEIGHTS = "model.safetensors"
_LAYER = ["attn_norm", "ffn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]


def fingerprint(source: Path) -> str:
    """SHA-256 of a GGUF file, or of the files of a folder.

    Raises:
        ValueError: there is neither.
    """
    if not source.exists():
        raise ValueError(f"expected a GGUF file or a folder of transformers' kind at {source}, there is none")
    digest = hashlib.sha256()
    for path in [source] if source.is_file() else sorted(path for path in source.iterdir() if path.is_file()):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def unpack(source: Path, folder: Path) -> None:
    """Write the model in `source` into `folder`.

    Args:
        source: a GGUF file of the llama family, or a folder of `transformers`' kind with safetensors.

    Raises:
        ValueError: it is of another kind.
    """
    if source.is_dir():
        _copy(source, folder)
        return
    weights = Weights(source)
    save_file(_tensors(weights), folder / WEIGHTS, metadata={"format": "pt"})
    _write(folder / CONFIG, _config(weights))
    tokenizer.build(weights).save(str(folder / TOKENIZER))
    (folder / CHAT_TEMPLATE).write_text(weights.metadata("tokenizer.chat_template"), encoding="utf-8")


def architecture(folder: Path) -> Architecture:
    """The sizes of the model in a folder that `unpack` wrote.

    Raises:
        ValueError: it is not of the llama family.
    """
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if config.get("model_type") != "llama":
        raise ValueError(f"expected a model of the llama family in {folder}, it is {config.get('model_type')!r}")
    rope = config.get("rope_parameters") or {}
    heads = int(config["num_attention_heads"])
    return Architecture(
        name=str(config.get("_name_or_path") or "llama"),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        width=int(config["hidden_size"]),
        context=int(config["max_position_embeddings"]),
        epsilon=float(config["rms_norm_eps"]),
        rope_base=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
    )


def end_token(folder: Path) -> int:
    """The token that ends an answer."""
    end = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["eos_token_id"]
    return int(end[0] if isinstance(end, list) else end)


def _copy(source: Path, folder: Path) -> None:
    if not any(source.glob("*.safetensors")) or not (source / CONFIG).is_file() or not (source / TOKENIZER).is_file():
        raise ValueError(f"expected {CONFIG}, {TOKENIZER} and *.safetensors in {source}")
    for path in (*source.glob("*.safetensors"), *source.glob("*.json"), *source.glob("*.jinja")):
        shutil.copyfile(path, folder / path.name)
    config = source / "tokenizer_config.json"
    if not (folder / CHAT_TEMPLATE).exists():
        template = json.loads(config.read_text(encoding="utf-8")).get("chat_template") if config.is_file() else None
        if not isinstance(template, str):
            raise ValueError(f"expected {CHAT_TEMPLATE}, or chat_template in tokenizer_config.json, in {source}")
        (folder / CHAT_TEMPLATE).write_text(template, encoding="utf-8")


def _tensors(weights: Weights) -> dict[str, np.ndarray]:
    size = weights.architecture
    tensors = {"token_embd.weight": weights.matrix("token_embd.weight").dense()}
    if not weights.head_is_embedding:
        tensors["output.weight"] = weights.matrix("output.weight").dense()
    tensors["output_norm.weight"] = weights.vector("output_norm.weight")
    heads = {"attn_q": size.heads, "attn_k": size.kv_heads}
    for layer in range(size.layers):
        for part in _LAYER:
            name = f"blk.{layer}.{part}.weight"
            is_norm = part.endswith("norm")
            tensors[name] = weights.vector(name) if is_norm else weights.matrix(name, heads.get(part)).dense()
    # a view that is not contiguous would be written as garbage
    return {name_in_transformers(name): np.ascontiguousarray(values) for name, values in tensors.items()}


def _config(weights: Weights) -> dict[str, Any]:
    size = weights.architecture
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": size.width,
        "intermediate_size": int(weights.metadata("llama.feed_forward_length")),
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "head_dim": size.head_size,
        "vocab_size": len(weights.metadata("tokenizer.ggml.tokens")),
        "max_position_embeddings": size.context,
        "rms_norm_eps": size.epsilon,
        "rope_parameters": {"rope_type": "default", "rope_theta": size.rope_base},
        "hidden_act": "silu",
        "tie_word_embeddings": weights.head_is_embedding,
        "bos_token_id": int(weights.metadata("tokenizer.ggml.bos_token_id")),
        "eos_token_id": int(weights.metadata("tokenizer.ggml.eos_token_id")),
        "dtype": "float32",
    }


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def licence(source: Path) -> str:
    """Of the weights, as a GGUF file tells it."""
    return "unknown" if source.is_dir() else str(Weights(source).metadata("general.license", "unknown"))
