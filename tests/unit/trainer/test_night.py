"""A night goes on after a kill, is done once, and ends as a row, whatever happens."""

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from tests.unit.trainer.rows import correction

from osiris_trainer.night.dataset import Shares, build
from osiris_trainer.night.examples import Dataset
from osiris_trainer.night.history import Night, Nights
from osiris_trainer.night.night import Judged, Origin, run
from osiris_trainer.night.recipe import Recipe
from osiris_trainer.night.work import KEPT, Work

RECIPE = Recipe(
    seed=0, precision="f32", top_layers=1, rank=1, batch=1, sft_steps=1, sft_rate=1, dpo_steps=1, dpo_rate=1, beta=1
)
ORIGIN = Origin(base="b" * 64, code="c" * 64, recipe=RECIPE)


class Killed(BaseException):
    """What a kill is to a test without processes."""


class Steps:
    """Steps that write what they did, and die where they are told to.

    Args:
        corrections: how many there are.
        accepted: what the gate says.
        dies_in: the step that ends in a kill.
    """

    def __init__(self, *, corrections: int = 40, accepted: bool = True, dies_in: str = "") -> None:
        self.corrections = corrections
        self.accepted = accepted
        self.dies_in = dies_in
        self.did: list[str] = []

    def dataset(self) -> Dataset:
        self._do("dataset")
        return build([correction(n) for n in range(self.corrections)], [], Shares(min_pairs=20, held_out=0.25, most=99))

    def train(self, work: Work, dataset: Dataset, recipe: Recipe) -> Path:
        work.step("sft", lambda draft: self._write("sft", draft / "adapter"))
        return work.step("trained", lambda draft: self._write("trained", draft / "weights"))

    def export(self, trained: Path, folder: Path, version: str, lineage: dict[str, str]) -> None:
        assert (trained / "weights").is_file()
        folder.mkdir(exist_ok=True)
        self._write("export", folder / "model.onnx")

    def judge(self, candidate: Path, dataset: Dataset, work: Work, folder: Path) -> None:
        assert (candidate / "model.onnx").is_file()
        self._write("judge", folder / "verdict")

    def judged(self, folder: Path) -> Judged:
        assert (folder / "verdict").is_file()
        return Judged(self.accepted, () if self.accepted else ("no better",), 0.9)

    def publish(self, candidate: Path, judged: Judged) -> None:
        assert (candidate / "model.onnx").is_file()
        self._do("publish")

    def _write(self, step: str, path: Path) -> None:
        path.write_text(step)
        self._do(step)

    def _do(self, step: str) -> None:
        if step == self.dies_in:
            raise Killed(step)
        self.did.append(step)


def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path / "tables")


def once(tmp_path: Path, steps: Steps, origin: Origin = ORIGIN, kept: int = 14) -> Night:
    clock = count(1)
    return run(
        origin,
        steps,
        nights(tmp_path),
        tmp_path / "nights",
        kept=kept,
        now=lambda: datetime(2026, 11, 24, 2, next(clock), tzinfo=UTC),
        progress=lambda _: None,
    )


def test_a_night_ends_as_a_row_and_keeps_no_weights(tmp_path: Path) -> None:
    night = once(tmp_path, Steps())
    assert (night.ending, night.version, night.win_rate) == ("published", f"night-{night.night}", 0.9)
    assert nights(tmp_path).all() == [night]
    left = {path.name for path in (tmp_path / "nights" / night.night).iterdir() if path.is_dir()}
    assert left <= set(KEPT)
    assert {"dataset", "sft", "judged"} <= left


def test_what_the_gate_refuses_is_not_published(tmp_path: Path) -> None:
    steps = Steps(accepted=False)
    night = once(tmp_path, steps)
    assert (night.ending, night.reason) == ("refused", "no better")
    assert "publish" not in steps.did


def test_too_few_corrections_skip_the_night_with_a_reason(tmp_path: Path) -> None:
    night = once(tmp_path, Steps(corrections=3))
    assert night.ending == "skipped"
    assert "there are 3" in night.reason
    assert once(tmp_path, Steps(corrections=3)) == night
    assert len(nights(tmp_path).all()) == 1


def test_the_same_night_is_not_done_again(tmp_path: Path) -> None:
    first = once(tmp_path, Steps())
    again = Steps()
    assert once(tmp_path, again) == first
    assert again.did == ["dataset"]
    assert len(nights(tmp_path).all()) == 1


@pytest.mark.parametrize(
    "other",
    [
        Origin(base="d" * 64, code=ORIGIN.code, recipe=RECIPE),
        Origin(base=ORIGIN.base, code="d" * 64, recipe=RECIPE),
        Origin(base=ORIGIN.base, code=ORIGIN.code, recipe=RECIPE.model_copy(update={"seed": 1})),
    ],
)
def test_another_base_code_or_seed_is_another_night(tmp_path: Path, other: Origin) -> None:
    assert once(tmp_path, Steps()).night != once(tmp_path, Steps(), other).night


@pytest.mark.parametrize("step", ["dataset", "sft", "trained", "export", "judge", "publish"])
def test_a_killed_night_goes_on_where_it_was(tmp_path: Path, step: str) -> None:
    first = Steps(dies_in=step)
    with pytest.raises(Killed):
        once(tmp_path, first)
    assert nights(tmp_path).all() == []
    second = Steps()
    assert once(tmp_path, second).ending == "published"
    done_twice = set(first.did) & set(second.did)
    assert done_twice <= {"dataset"}
    assert len(nights(tmp_path).all()) == 1


def test_a_night_that_fails_is_a_row_and_is_tried_again(tmp_path: Path) -> None:
    class Failing(Steps):
        def publish(self, candidate: Path, judged: Judged) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        once(tmp_path, Failing())
    assert [(each.ending, each.reason) for each in nights(tmp_path).all()] == [("failed", "OSError: disk full")]
    assert once(tmp_path, Steps()).ending == "published"
    assert sorted(each.ending for each in nights(tmp_path).all()) == ["failed", "published"]


def test_folders_of_old_nights_are_bounded(tmp_path: Path) -> None:
    for number in range(5):
        once(tmp_path, Steps(corrections=40 + number), kept=3)
    assert len([path for path in (tmp_path / "nights").iterdir() if path.is_dir()]) == 3
