"""A model folder as it is published: ours, an export for onnxruntime-genai, or one of `optimum`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osiris_inference.chat import ChatTemplate
from osiris_inference.manifest import CHAT_TEMPLATE, CONFIG, GENAI, GRAPH, MANIFEST, TOKENIZER, Manifest

_TOKENIZER_CONFIG = "tokenizer_config.json"
_GENERATION_CONFIG = "generation_config.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the graph's inputs are called, and the sizes its config promises; None: not told.

    Attributes:
        past_key, past_value, present_key, present_value: names of a layer's caches; %d is the layer.
        kv_heads, head_size: of every cache.
        rotary: of a head's values, those that are turned by their position.
    """

    ids: str = "input_ids"
    mask: str = "attention_mask"
    positions: str = "position_ids"
    logits: str = "logits"
    past_key: str = "past_key_values.%d.key"
    past_value: str = "past_key_values.%d.value"
    present_key: str = "present.%d.key"
    present_value: str = "present.%d.value"
    layers: int | None = None
    kv_heads: int | None = None
    head_size: int | None = None
    vocabulary: int | None = None
    rotary: int | None = None

    def caches(self, layers: int) -> list[tuple[str, str]]:
        """Names of past and present, of every layer's key and value."""
        pairs = ((self.past_key, self.present_key), (self.past_value, self.present_value))
        return [(past % layer, present % layer) for layer in range(layers) for past, present in pairs]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What lies in a folder.

    Attributes:
        graph: the ONNX file.
        tokenizer: the file of the `tokenizers` library.
        shared_cache: whether the graph is known to take one buffer as past and as present; None: look into it.
    """

    manifest: Manifest
    layout: Layout
    graph: Path
    tokenizer: Path
    template: ChatTemplate
    shared_cache: bool | None

    @property
    def weight(self) -> int:
        """Bytes of the graph and the data beside it (external data is named after its graph)."""
        return sum(path.stat().st_size for path in self.graph.parent.glob(f"{self.graph.name}*"))

    @classmethod
    def read(cls, folder: Path) -> "ModelFolder":
        """Find everything an engine needs.

        Raises:
            ValueError: something is missing, or cannot be read.
        """
        if (folder / MANIFEST).exists():
            return cls(
                Manifest.read(folder),
                Layout(),
                folder / GRAPH,
                _tokenizer(folder),
                _template(folder),
                shared_cache=True,
            )
        for name, read in ((GENAI, _genai), (CONFIG, _optimum)):
            if (folder / name).exists():
                try:
                    return read(folder, _json(folder / name))
                except (KeyError, TypeError, AttributeError) as error:
                    raise ValueError(f"expected a readable {name} in {folder}, got {error!r}") from error
        raise ValueError(f"expected {MANIFEST}, {GENAI} or {CONFIG} in the model folder {folder}, found none of them")


def _genai(folder: Path, config: dict[str, Any]) -> ModelFolder:
    """An export for onnxruntime-genai (onnxruntime.ai/docs/genai/reference/config)."""
    model, decoder = config["model"], config["model"]["decoder"]
    inputs, outputs = decoder["inputs"], decoder["outputs"]
    layout = Layout(
        ids=inputs.get("input_ids", "input_ids"),
        mask=inputs.get("attention_mask", "attention_mask"),
        positions=inputs.get("position_ids", "position_ids"),
        logits=outputs.get("logits", "logits"),
        past_key=inputs["past_key_names"],
        past_value=inputs["past_value_names"],
        present_key=outputs["present_key_names"],
        present_value=outputs["present_value_names"],
        layers=int(decoder["num_hidden_layers"]),
        kv_heads=int(decoder["num_key_value_heads"]),
        head_size=int(decoder["head_size"]),
        vocabulary=int(model["vocab_size"]),
        rotary=_rotary(_json(folder / CONFIG), int(decoder["head_size"])) if (folder / CONFIG).exists() else None,
    )
    return ModelFolder(
        _manifest(folder, int(model["context_length"]), model["eos_token_id"]),
        layout,
        _inside(folder, decoder["filename"]),
        _tokenizer(folder),
        _template(folder),
        shared_cache=None,
    )


def _optimum(folder: Path, config: dict[str, Any]) -> ModelFolder:
    """An export of optimum with past (huggingface.co/docs/optimum-onnx), beside the config of `transformers`."""
    heads = int(config["num_attention_heads"])
    head_size = int(config.get("head_dim") or config["hidden_size"] // heads)
    layout = Layout(
        layers=int(config["num_hidden_layers"]),
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_size=head_size,
        vocabulary=int(config["vocab_size"]),
        rotary=_rotary(config, head_size),
    )
    generation = folder / _GENERATION_CONFIG
    end = _json(generation).get("eos_token_id") if generation.exists() else None
    graph = folder / GRAPH
    return ModelFolder(
        _manifest(folder, int(config["max_position_embeddings"]), config["eos_token_id"] if end is None else end),
        layout,
        graph if graph.exists() else folder / "onnx" / GRAPH,
        _tokenizer(folder),
        _template(folder),
        shared_cache=None,
    )


def _manifest(folder: Path, context: int, end: int | list[int]) -> Manifest:
    return Manifest(
        version=folder.name,
        source=folder.name,
        licence="unknown",
        precision="unknown",
        context=context,
        end_tokens=tuple(end) if isinstance(end, list) else (end,),
    )


def _rotary(config: dict[str, Any], head_size: int) -> int:
    return int(head_size * float(config.get("partial_rotary_factor") or 1.0))


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"expected a graph inside {folder}, its config names {name}")
    return path


def _tokenizer(folder: Path) -> Path:
    path = folder / TOKENIZER
    if not path.exists():
        raise ValueError(f"expected {TOKENIZER} in {folder}, there is none; save the tokenizer as a fast one")
    return path


def _template(folder: Path) -> ChatTemplate:
    path = folder / _TOKENIZER_CONFIG
    config = _json(path) if path.exists() else {}
    own = folder / CHAT_TEMPLATE
    source = own.read_text(encoding="utf-8") if own.exists() else config.get("chat_template")
    if isinstance(source, list):  # several, by name
        source = next((each["template"] for each in source if each["name"] == "default"), None)
    if not isinstance(source, str):
        raise ValueError(f"expected {CHAT_TEMPLATE}, or chat_template in {_TOKENIZER_CONFIG}, in {folder}")
    return ChatTemplate(source, begin=_special(config.get("bos_token")), end=_special(config.get("eos_token")))


def _special(token: str | dict[str, Any] | None) -> str:
    return str(token["content"]) if isinstance(token, dict) else token or ""


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"expected JSON in {path}, was not: {error}") from error
    return content
