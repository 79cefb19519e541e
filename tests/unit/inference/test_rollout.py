"""A version on its way into use, and whoever is killed on the way."""

import json
from pathlib import Path

import pytest

from osiris_cli import models
from osiris_inference.canary import chosen
from osiris_inference.model_store import ModelStore
from osiris_inference.rollout import ROLLOUT, Rollouts


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return version(tmp_path, "old")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return version(tmp_path, "new")


def version(root: Path, name: str) -> Path:
    folder = root / "phi3" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"version": name}))
    return folder


def test_at_once_it_is_current_and_watched(tmp_path: Path, old: Path, new: Path) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    begun = rollouts.begin(new, old, share=0)
    assert (begun.stage, begun.version, begun.before) == ("watched", "new", "old")
    assert store.current("phi3") == new
    assert store.previous("phi3") == old  # though no pointer said so before
    assert rollouts.withdraw(begun, "worse") is not None
    assert store.current("phi3") == old
    assert rollouts.begin(new, old, share=0).stage == "withdrawn"  # told again, it does not come back
    assert store.current("phi3") == old


def test_a_canary_is_promoted_and_kept(tmp_path: Path, old: Path, new: Path) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    begun = rollouts.begin(new, old, share=0.2)
    assert (begun.stage, store.current("phi3")) == ("canary", old)
    promoted = rollouts.promote(begun)
    assert promoted is not None
    assert store.current("phi3") == new
    assert rollouts.promote(begun) is None  # another instance was first
    kept = rollouts.keep(promoted)
    assert kept == rollouts.read()
    assert not kept.is_open


def test_a_canary_is_withdrawn_without_ever_being_current(tmp_path: Path, old: Path, new: Path) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    assert rollouts.withdraw(rollouts.begin(new, old, share=0.5), "worse") is not None
    assert (store.current("phi3"), store.previous("phi3")) == (old, None)


def test_whoever_was_killed_between_pointer_and_file_is_finished(tmp_path: Path, old: Path, new: Path) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    store.set_current("phi3", old)
    store.set_current("phi3", new)  # then killed
    begun = rollouts.begin(new, new, share=0)
    assert (begun.version, begun.before) == ("new", "old")


def test_a_promotion_that_was_cut_off_is_finished(tmp_path: Path, old: Path, new: Path) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    rollouts.begin(new, old, share=0.2)
    store.set_current("phi3", new)  # then killed
    settled = rollouts.settle()
    assert settled is not None
    assert settled.stage == "watched"


@pytest.mark.parametrize("share", [0, 0.2])
def test_whoever_chooses_another_version_ends_it(tmp_path: Path, old: Path, new: Path, share: float) -> None:
    rollouts, store = Rollouts(tmp_path, "phi3"), ModelStore(tmp_path)
    rollouts.begin(new, old, share)
    store.set_current("phi3", version(tmp_path, "other"))
    settled = rollouts.settle()
    assert settled is not None
    assert (settled.stage, settled.reason) == ("withdrawn", "another version was chosen")


@pytest.mark.parametrize("share", [0, 0.2])
def test_osiris_models_rollback_is_one_command_canary_or_not(
    tmp_path: Path, old: Path, new: Path, share: float
) -> None:
    rollouts = Rollouts(tmp_path, "phi3")
    rollouts.begin(new, old, share)
    assert models.rollback(tmp_path, "phi3") == old
    assert ModelStore(tmp_path).current("phi3") == old
    ended = rollouts.read()
    assert ended is not None
    assert (ended.stage, ended.reason) == ("withdrawn", "osiris models rollback")
    if not share:
        assert models.rollback(tmp_path, "phi3") == new  # without a rollout as ever


def test_a_file_that_is_not_ours_is_named(tmp_path: Path, old: Path) -> None:
    (old.parent / ROLLOUT).write_text("[]")
    with pytest.raises(ValueError, match=r"rollout.json as it was written.*remove it"):
        Rollouts(tmp_path, "phi3").read()


def test_a_share_of_the_requests_is_chosen_and_stays_chosen() -> None:
    names = [str(each) for each in range(2000)]
    assert 0.15 < sum(chosen(name, 0.2) for name in names) / len(names) < 0.25
    assert all(chosen(name, 0.5) for name in names if chosen(name, 0.2))
    assert not any(chosen(name, 0) for name in names)
