"""What a night learns from and is judged by, and how it lies on disk."""

import json
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from pydantic import Field

from osiris_contracts import Contract, Proposal, Symbol, UtcTime

TRAIN, HELD_OUT, REGRESSION = "train.jsonl", "held_out.jsonl", "regression.jsonl"
MANIFEST = "manifest.json"


class Example(Contract):
    """A situation, and what phi3 should have proposed in it."""

    feedback_id: UUID = Field(description="The feedback it comes from.")
    transaction_id: UUID = Field(description="The proposal that was about.")
    ticker: Symbol = Field(description="The instrument.")
    at: UtcTime = Field(description="When the owner said so.")
    prompt: str = Field(min_length=1, description="The market summary phi3 was given.")
    chosen: Proposal = Field(description="What is right.")
    rejected: Proposal | None = Field(
        default=None, description="What phi3 proposed; null when that was right, or unknown."
    )
    weight: float = Field(default=1.0, gt=0, le=4, description="How often it is drawn, beside others.")


class DatasetManifest(Contract):
    """Of what a dataset was made; the same content, the same hash, whenever and wherever it is made."""

    content: str = Field(description="SHA-256 of the three sets.")
    train: int = Field(ge=0, description="Examples to train on.")
    pairs: int = Field(ge=0, description="Of these, such with a rejected proposal.")
    held_out: int = Field(ge=0, description="Newest corrections, to judge with.")
    regression: int = Field(ge=0, description="Corrections never trained on.")
    left_out: dict[str, int] = Field(default={}, description="Feedback not used, by reason.")


class Dataset(Contract):
    """The examples of a night. No situation is in two of the sets."""

    train: tuple[Example, ...] = Field(description="Trained on.")
    held_out: tuple[Example, ...] = Field(description="The newest corrections: judged with tonight, trained on later.")
    regression: tuple[Example, ...] = Field(description="Corrections judged with every night and never trained on.")
    manifest: DatasetManifest = Field(description="What it is made of.")

    def write(self, folder: Path) -> None:
        """Write it into a folder that is there."""
        for name, examples in ((TRAIN, self.train), (HELD_OUT, self.held_out), (REGRESSION, self.regression)):
            (folder / name).write_text(lines(examples), encoding="utf-8")
        (folder / MANIFEST).write_text(self.manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Dataset":
        """As `write` left it.

        Raises:
            ValueError: a file is missing or not as it was written.
        """
        try:
            return cls(
                train=_examples(folder / TRAIN),
                held_out=_examples(folder / HELD_OUT),
                regression=_examples(folder / REGRESSION),
                manifest=DatasetManifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8")),
            )
        except FileNotFoundError as error:
            raise ValueError(f"expected a dataset in {folder}: {error.filename} is missing") from error


def lines(examples: Iterable[Example]) -> str:
    """JSON lines, the same text for the same examples."""
    return "".join(
        json.dumps(each.model_dump(mode="json"), ensure_ascii=False, sort_keys=True) + "\n" for each in examples
    )


def _examples(path: Path) -> tuple[Example, ...]:
    return tuple(Example.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines())
