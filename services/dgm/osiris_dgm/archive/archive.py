"""The archive on disk: `<root>/<version>/{policy.py, record.json}`, each folder there whole or not at all."""

import random
import shutil
import statistics
from collections import Counter
from math import exp
from pathlib import Path

from osiris_desk.policy.manifest import CODE, version_of
from osiris_dgm.archive.files import FileDamaged, read_model
from osiris_dgm.archive.record import Record
from osiris_versions.durable import write_folder

RECORD = "record.json"


class Archive:
    """Versions in the order in which they were tried.

    Args:
        root: the folder, made when something is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._records: dict[str, Record] = {}
        for path in root.glob(f"[!.]*/{RECORD}"):
            record = read_model(path, Record)
            if record and record.version == path.parent.name:
                self._records[record.version] = record

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, version: str) -> bool:
        return version in self._records

    def clean(self) -> None:
        """Remove what a killed kernel left half-written."""
        for draft in self._root.glob(".*"):
            shutil.rmtree(draft, ignore_errors=True)

    def records(self) -> list[Record]:
        """Every record, oldest first."""
        return sorted(self._records.values(), key=lambda record: record.number)

    def record(self, version: str) -> Record:
        """What is known of a version; KeyError when it was never tried."""
        return self._records[version]

    def code(self, version: str) -> bytes:
        """Its policy.py.

        Raises:
            FileDamaged: it is no longer what was tried.
        """
        code = (self._root / version / CODE).read_bytes()
        if version_of(code) != version:
            raise FileDamaged(f"expected the code of {version} in {self._root}, was that of {version_of(code)}")
        return code

    def add(self, code: bytes, record: Record) -> None:
        """Keep a version for good, whole or not at all; one that is there already stays as it is."""
        if record.version in self._records:
            return
        write_folder(
            self._root / record.version,
            {CODE: code, RECORD: record.model_dump_json(indent=2).encode() + b"\n"},
        )
        self._records[record.version] = record

    def trial_scores(self) -> list[float]:
        """Scores of every trial that was ever measured, the root's among them."""
        return [record.score for record in self.records() if record.score is not None]

    def draw_parent(self, dice: random.Random, sharpness: float = 10.0) -> Record:
        """A version to start from: good ones often, ones with many children seldom.

        Weight sigmoid(λ (score - median) / MAD) / (1 + children): ShinkaEvolve's scale-free form (arXiv 2509.19349,
        section 3.1) of the rule of the Darwin Goedel Machine (arXiv 2505.22954, appendix C.2).

        Args:
            sharpness: λ.
        """
        able = [record for record in self.records() if record.score is not None]
        if not able:
            raise LookupError("expected a version with a score in the archive, there is none")
        weights = parent_weights([record.score or 0.0 for record in able], self._children(able), sharpness)
        return dice.choices(able, weights)[0]

    def _children(self, of: list[Record]) -> list[int]:
        count = Counter(record.parents[0] for record in self.records() if record.parents)
        return [count[record.version] for record in of]


def parent_weights(scores: list[float], children: list[int], sharpness: float) -> list[float]:
    """Weights of parents, each above 0; see `Archive.draw_parent`."""
    median = statistics.median(scores)
    spread = statistics.median(abs(score - median) for score in scores) or 1e-9
    fitness = [max(-30.0, min(sharpness * (score - median) / spread, 30.0)) for score in scores]
    return [1 / (1 + exp(-x)) / (1 + count) for x, count in zip(fitness, children, strict=True)]
