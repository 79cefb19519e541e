"""One night, from what was said to a version that is served, or provably is no better. No torch, no clock, no Redis:
what does the work is passed in."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from osiris_trainer.night.dataset import TooFew
from osiris_trainer.night.examples import Dataset
from osiris_trainer.night.history import Night, Nights
from osiris_trainer.night.recipe import Recipe
from osiris_trainer.night.work import Work, bound

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate says.

    Attributes:
        reasons: why it is refused; empty when it is accepted.
        win_rate: on the held-out corrections, 0 to 1.
    """

    accepted: bool
    reasons: tuple[str, ...]
    win_rate: float | None


class Steps(Protocol):
    """What does the work. A step that writes a folder may find in it what a killed attempt left."""

    def dataset(self) -> Dataset:
        """What there is to learn; raises TooFew."""

    def train(self, work: Work, dataset: Dataset, recipe: Recipe) -> Path:
        """The folder of the trained weights."""

    def export(self, trained: Path, folder: Path, version: str, lineage: dict[str, str]) -> None:
        """Write the model folder `folder` as it would be served."""

    def judge(self, candidate: Path, dataset: Dataset, work: Work, folder: Path) -> None:
        """Judge the candidate, and write the report and what `judged` reads into `folder`."""

    def judged(self, folder: Path) -> Judged:
        """What `judge` found."""

    def publish(self, candidate: Path, judged: Judged) -> None:
        """Let phi3 serve it; a second time changes nothing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Hashes of what a night is made from, besides its data."""

    base: str
    code: str
    recipe: Recipe

    def night(self, data: str) -> str:
        """The name of the night that makes this of `data`."""
        facts = {"data": data, "base": self.base, "code": self.code, "recipe": self.recipe.model_dump()}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def run(
    origin: Origin,
    steps: Steps,
    nights: Nights,
    folder: Path,
    *,
    kept: int,
    now: Callable[[], datetime],
    progress: Progress,
) -> Night:
    """Do the night that is due, or go on with it; the same again is not done again.

    Args:
        folder: of all nights.
        kept: nights whose folders stay.

    Returns:
        How it ended.
    """
    started = now()
    facts: dict[str, Any] = {"base": origin.base, "code": origin.code, "seed": origin.recipe.seed}
    try:
        dataset = steps.dataset()
    except TooFew as few:
        name = origin.night(str(few))
        if before := nights.ended(name):
            progress(f"skipped before for the same reason: {few}")
            return before
        night = Night(night=name, started_at=started, ended_at=now(), ending="skipped", reason=str(few), **facts)
        nights.add(night)
        return night
    content = dataset.manifest
    name = origin.night(content.content)
    if before := nights.ended(name):
        progress(f"night {name} ended before ({before.ending}): nothing new to learn")
        return before
    facts |= {
        "night": name,
        "data": content.content,
        "train": content.train,
        "held_out": content.held_out,
        "regression": content.regression,
    }
    work = Work(folder / name)
    facts["started_at"] = work.started_at(started)
    bound(folder, kept, work.folder)
    progress(f"night {name}: {content.train} examples, {content.held_out} held out, {content.regression} in regression")
    try:
        ended = _work(origin, steps, dataset, work)
    except Exception as error:
        nights.add(Night(ending="failed", reason=f"{type(error).__name__}: {error}", ended_at=now(), **facts))
        raise
    night = Night(ended_at=now(), **facts, **ended)
    nights.add(night)
    work.tidy()
    return night


def _work(origin: Origin, steps: Steps, dataset: Dataset, work: Work) -> dict[str, Any]:
    """Everything from the dataset to the version that is served; returns how it ended."""
    work.step("dataset", dataset.write)
    name = work.folder.name
    version = f"night-{name}"
    exported = work.folder / "export"
    if not exported.is_dir():
        trained = steps.train(work, dataset, origin.recipe)
        data, seed = dataset.manifest.content, str(origin.recipe.seed)
        lineage = {"base": origin.base, "data": data, "code": origin.code, "seed": seed, "night": name}
        work.step("export", lambda draft: steps.export(trained, draft / version, version, lineage))
    judged_in = work.step("judged", lambda draft: steps.judge(exported / version, dataset, work, draft))
    judged = steps.judged(judged_in)
    if judged.accepted:
        steps.publish(exported / version, judged)
    return {
        "ending": "published" if judged.accepted else "refused",
        "reason": "; ".join(judged.reasons),
        "version": version,
        "win_rate": judged.win_rate,
        "report": str(judged_in),
    }
