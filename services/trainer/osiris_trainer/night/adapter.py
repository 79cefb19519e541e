"""What a night has learnt as a LoRA adapter in onnxruntime's format, for a graph of the base model with room for one.

Each stage has an adapter of its own on top of the model before it. Their changes add up, and so all of them side by
side are one adapter, of the sum of their ranks.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from osiris_inference.gguf_onnx import AdapterRoom, adapter_names
from osiris_inference.onnx_engine import adapters

_PARTS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate": ("mlp.gate_proj",),
    "up": ("mlp.up_proj",),
    "down": ("mlp.down_proj",),
}
_NAME = "base_model.model.model.layers.{layer}.{module}.lora_{side}.weight"

F32 = NDArray[np.float32]


class _Stage:
    """An adapter as peft leaves it."""

    def __init__(self, folder: Path) -> None:
        config: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        self.rank = int(config["r"])
        self.layers = sorted(config["layers_to_transform"] or ())
        self._scale = np.float32(config["lora_alpha"] / self.rank)
        self._tensors = load_file(folder / "adapter_model.safetensors")

    def matrices(self, layer: int, module: str) -> tuple[F32, F32]:
        """A, shape (rank, in), and B, shape (out, rank), so that B A is what is added to the weights."""
        first, second = (self._tensors.get(_NAME.format(layer=layer, module=module, side=side)) for side in "AB")
        if first is None or second is None:
            raise ValueError(f"expected an adapter of {module} in layer {layer}, there is none")
        return first.astype(np.float32), self._scale * second.astype(np.float32)


def write(stages: Sequence[Path], path: Path) -> AdapterRoom:
    """Write the adapters in `stages`, folders of peft, as the one adapter `path`; returns the room that it takes.

    Raises:
        ValueError: they are of different layers, of none in particular, or not of every linear map of a layer.
    """
    opened = [_Stage(folder) for folder in stages]
    layers = opened[0].layers
    if not layers or any(stage.layers != layers for stage in opened):
        raise ValueError("expected adapters of the same layers, the top ones; set OSIRIS_NIGHT_TOP_LAYERS")
    values: dict[str, F32] = {}
    for layer in layers:
        for part, modules in _PARTS.items():
            values |= zip(adapter_names(layer, part), _side_by_side(opened, layer, modules), strict=True)
    adapters.write(path, values)
    return AdapterRoom(first_layer=layers[0], rank=sum(stage.rank for stage in opened))


def _side_by_side(stages: Sequence[_Stage], layer: int, modules: Sequence[str]) -> tuple[F32, F32]:
    """What the graph multiplies with, shapes (in, ranks) and (ranks, out): the second in blocks, one a module."""
    firsts, seconds = [], []
    for module in modules:
        found = [stage.matrices(layer, module) for stage in stages]
        firsts.append(np.concatenate([first for first, _ in found]).T)
        seconds.append(np.concatenate([second for _, second in found], axis=1).T)
    wide = np.zeros((sum(map(len, seconds)), sum(each.shape[1] for each in seconds)), np.float32)
    row = column = 0
    for each in seconds:
        wide[row : row + len(each), column : column + each.shape[1]] = each
        row, column = row + len(each), column + each.shape[1]
    return np.ascontiguousarray(np.concatenate(firsts, axis=1)), wide
