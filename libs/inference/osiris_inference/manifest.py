"""What a model folder says of itself."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
CHAT_TEMPLATE = "chat_template.jinja"
MANIFEST = "manifest.json"


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
    """

    version: str
    source: str
    licence: str
    precision: str
    context: int
    end_tokens: tuple[int, ...]

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Of a model folder: its manifest, or for a published ONNX export what its `genai_config.json` says.

        Raises:
            ValueError: the folder holds neither, or one that cannot be read.
        """
        try:
            if (path := folder / MANIFEST).exists():
                facts = json.loads(path.read_text(encoding="utf-8"))
                return cls(**{**facts, "end_tokens": tuple(facts["end_tokens"])})
            if (path := folder / "genai_config.json").exists():
                model = json.loads(path.read_text(encoding="utf-8"))["model"]
                end = model["eos_token_id"]
                return cls(
                    version=folder.name,
                    source=folder.name,
                    licence="unknown",
                    precision="unknown",
                    context=int(model["context_length"]),
                    end_tokens=tuple(end) if isinstance(end, list) else (end,),
                )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"expected a readable {path.name} in {folder}, got {error!r}") from error
        raise ValueError(f"expected {MANIFEST} or genai_config.json in the model folder {folder}, found neither")
