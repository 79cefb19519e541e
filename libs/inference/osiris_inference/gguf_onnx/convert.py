"""From one GGUF file to a model folder: graph, tokenizer, chat template, manifest."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import onnx
from tokenizers import Tokenizer

from osiris_inference.gguf_onnx import tokenizer
from osiris_inference.gguf_onnx.graph import AdapterRoom, Decoder, Source
from osiris_inference.gguf_onnx.weights import Weights
from osiris_inference.manifest import CHAT_TEMPLATE, GRAPH, TOKENIZER, Manifest

Precision = Literal["q8", "f32"]
Progress = Callable[[str], None]

# raise it when the same file would give another graph or tokenizer
REVISION = 1


def version_of(source: Path, precision: Precision) -> str:
    """The version that `convert` gives: the same file, precision and code, the same version."""
    digest = hashlib.sha256(f"{REVISION}:{precision}:".encode())
    with source.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    name = source.stem.rsplit(".", 1)[0].lower()
    return f"{name}-{precision}-{digest.hexdigest()[:8]}"


def convert(source: Path, folder: Path, precision: Precision = "q8", progress: Progress = lambda _: None) -> Manifest:
    """Write the model folder `folder`; it appears whole or not at all.

    Args:
        source: a GGUF file of the llama family with Q4_1 or Q8_0 weights.
        precision: q8 is small and fast; f32 is exact.
        progress: told of each step, in words.

    Raises:
        ValueError: the file is of another kind.
    """
    progress(f"reading {source.name}")
    weights = Weights(source)
    manifest = _manifest(weights, source, precision)
    template = str(weights.metadata("tokenizer.chat_template"))
    export(weights, folder, manifest, tokenizer.build(weights), template, exact=precision == "f32", progress=progress)
    return manifest


def export(
    weights: Source,
    folder: Path,
    manifest: Manifest,
    tokens: Tokenizer,
    template: str,
    *,
    exact: bool = False,
    room: AdapterRoom | None = None,
    progress: Progress = lambda _: None,
) -> None:
    """Write the model folder `folder`; it appears whole or not at all.

    Args:
        tokens: the model's tokenizer.
        template: the model's chat template.
        exact: float weights; otherwise 8-bit ones.
        room: for a LoRA adapter.

    Raises:
        ValueError: the weights are of another kind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        progress(f"drawing {weights.architecture.layers} layers ({manifest.precision})")
        model = Decoder(weights, exact=exact, room=room).draw()
        progress("writing the graph")
        onnx.save_model(
            model,
            str(draft / GRAPH),
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=f"{GRAPH}.data",
            size_threshold=1024,
        )
        tokens.save(str(draft / TOKENIZER))
        (draft / CHAT_TEMPLATE).write_text(template, encoding="utf-8")
        manifest.write(draft)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    progress(f"{manifest.version} is ready")


def _manifest(weights: Weights, source: Path, precision: Precision) -> Manifest:
    size = weights.architecture
    return Manifest(
        version=version_of(source, precision),
        source=source.name,
        licence=str(weights.metadata("general.license", "unknown")),
        precision=precision,
        context=size.context,
        end_tokens=(int(weights.metadata("tokenizer.ggml.eos_token_id")),),
    )
