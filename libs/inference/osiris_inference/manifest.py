"""What a model folder says of itself."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
CHAT_TEMPLATE = "chat_template.jinja"
MANIFEST = "manifest.json"
GENAI = "genai_config.json"
CONFIG = "config.json"


def is_model(folder: Path) -> bool:
    """Whether a folder holds a model: ours, an export for onnxruntime-genai, or one of `transformers`' kind."""
    return any((folder / name).is_file() for name in (MANIFEST, GENAI, CONFIG))


@dataclass(frozen=True, slots=True)
class Manifest:
    """Facts of a model that its graph does not tell.

    Attributes:
        version: names it in every answer.
        source: what it was made from.
        licence: of the weights.
        precision: of the weights, such as q8.
        context: tokens of prompt and answer together.
        end_tokens: tokens that end an answer.
        lineage: of a trained version: hashes of what it was made from, by name; empty otherwise.
        files: of a published version: the SHA-256 of every other file, by name; empty otherwise.
    """

    version: str
    source: str
    licence: str
    precision: str
    context: int
    end_tokens: tuple[int, ...]
    lineage: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Of a model folder.

        Raises:
            ValueError: it cannot be read.
        """
        try:
            facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            return cls(**{**facts, "end_tokens": tuple(facts["end_tokens"])})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"expected a readable {MANIFEST} in {folder}, got {error!r}") from error


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds weights for vLLM, and no ONNX graph."""
    return any(folder.glob("*.safetensors")) and not any(folder.glob("**/*.onnx"))


def version_of(folder: Path) -> str:
    """The version a folder's manifest tells; without one the folder's name, as for a checkpoint of `transformers`."""
    path = folder / MANIFEST
    return str(json.loads(path.read_text(encoding="utf-8"))["version"]) if path.exists() else folder.name


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file in a model folder but its manifest, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def require_whole(folder: Path) -> None:
    """Compare a model folder with what its manifest lists; one that lists nothing is taken as it is.

    Raises:
        ValueError: a file is missing, cut short or another one.
    """
    if not (folder / MANIFEST).exists():
        return
    for name, digest in Manifest.read(folder).files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise ValueError(f"expected {name} in {folder} as it was published, it is {_state(path)}; publish it again")


def _state(path: Path) -> str:
    return "another" if path.is_file() else "missing"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
