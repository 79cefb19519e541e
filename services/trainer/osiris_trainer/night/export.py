"""A trained model as the engine serves it: the graph with 8-bit weights, tokenizer, template, manifest with lineage."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from osiris_inference.gguf_onnx import AdapterRoom, DenseWeights, export
from osiris_inference.manifest import CHAT_TEMPLATE, TOKENIZER, Manifest
from osiris_trainer.night import base

PRECISION = "q8"


class Tensors(Mapping[str, NDArray[np.float32]]):
    """The float tensors in a folder's safetensors, each read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        files: list[Any] = [safe_open(path, framework="numpy") for path in sorted(folder.glob("*.safetensors"))]
        self._files = {name: file for file in files for name in file.keys()}  # noqa: SIM118 - no mapping

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._files[name].get_tensor(name), np.float32)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def to_onnx(
    trained: Path,
    folder: Path,
    version: str,
    licence: str,
    lineage: dict[str, str],
    *,
    room: AdapterRoom | None = None,
) -> None:
    """Write the model folder `folder`; it appears whole or not at all.

    Args:
        trained: a folder of `transformers`' kind, of the llama family, float weights.
        room: for a LoRA adapter.

    Raises:
        ValueError: it holds another kind of model, or numbers that are not finite.
    """
    size = base.architecture(trained)
    manifest = Manifest(
        version=version,
        source=lineage.get("base", "unknown"),
        licence=licence,
        precision=PRECISION,
        context=size.context,
        end_tokens=(base.end_token(trained),),
        lineage=lineage,
    )
    weights = DenseWeights(size, Tensors(trained))
    template = (trained / CHAT_TEMPLATE).read_text(encoding="utf-8")
    export(weights, folder, manifest, Tokenizer.from_file(str(trained / TOKENIZER)), template, room=room)
