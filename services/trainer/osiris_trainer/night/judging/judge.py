"""Runs both models over the corrections and measures what they take; the verdict follows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osiris_inference.manifest import version_of
from osiris_trainer.night.examples import Dataset
from osiris_trainer.night.judging.answering import proposals
from osiris_trainer.night.judging.costs import measure
from osiris_trainer.night.judging.deciding import Compared, decide
from osiris_trainer.night.judging.verdict import Criteria, Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the answers it rests on."""

    verdict: Verdict
    held_out: tuple[Compared, ...]
    regression: tuple[Compared, ...]


def judge(
    base: Path,
    candidate: Path,
    dataset: Dataset,
    criteria: Criteria | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge `candidate` against `base`, both model folders as they are served.

    Args:
        progress: told of each step, in words.

    Raises:
        ValueError: a folder holds no model that can be run.
    """
    return asyncio.run(_judge(base, candidate, dataset, criteria or Criteria(), progress))


async def _judge(
    base: Path, candidate: Path, dataset: Dataset, criteria: Criteria, progress: Callable[[str], None]
) -> Judgement:
    asked = (*dataset.held_out, *dataset.regression)
    situations = [each.prompt for each in asked]
    before = await proposals(base, situations, progress)
    after = await proposals(candidate, situations, progress)
    compared = [Compared(*each) for each in zip(asked, before, after, strict=True)]
    held_out, regression = compared[: len(dataset.held_out)], compared[len(dataset.held_out) :]
    cost = await measure(base, candidate, 1 + criteria.cost_margin, progress)
    verdict = decide(
        base=version_of(base),
        candidate=version_of(candidate),
        held_out=held_out,
        regression=regression,
        cost=cost,
        criteria=criteria,
    )
    return Judgement(verdict, tuple(held_out), tuple(regression))
