"""The archive: whole versions alone, parents drawn by the rule, lineage."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import PatchTask
from osiris_desk.policy.manifest import version_of
from osiris_dgm.archive.archive import Archive, parent_weights
from osiris_dgm.archive.files import FileDamaged
from osiris_dgm.archive.record import Record
from osiris_dgm.archive.tree import tree_lines


def add(archive: Archive, text: str, parent: str | None = None, score: float | None = 0.0) -> str:
    code = text.encode()
    record = Record(
        number=len(archive),
        version=version_of(code),
        parents=(parent,) if parent else (),
        task=PatchTask(part="entry", kind="constant") if parent else None,
        made_by="test",
        score=score,
        failed_at=None if score is not None else "contract",
    )
    archive.add(code, record)
    return record.version


def test_what_was_added_is_there_for_the_next_kernel_and_drafts_are_not(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    root = add(archive, "a = 1")
    child = add(archive, "a = 2", root)
    draft = tmp_path / ".half"
    draft.mkdir()
    (draft / "record.json").write_text("{")
    again = Archive(tmp_path)
    assert [record.version for record in again.records()] == [root, child]
    assert again.code(child) == b"a = 2"
    again.clean()
    assert not draft.exists()


def test_touched_code_is_not_given_out(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    version = add(archive, "a = 1")
    (tmp_path / version / "policy.py").write_text("a = 3")
    with pytest.raises(FileDamaged, match=version):
        archive.code(version)


def test_good_parents_are_drawn_often_and_ones_with_many_children_seldom(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    bad, good = add(archive, "bad", score=-1.0), add(archive, "good", score=1.0)
    middle = add(archive, "middle", score=0.0)
    dice = random.Random(0)
    drawn = Counter(archive.draw_parent(dice, 1.0).version for _ in range(2000))
    assert drawn[good] > drawn[middle] > drawn[bad] > 0
    for number in range(9):
        add(archive, f"child {number}", good, score=None)
    drawn = Counter(archive.draw_parent(dice, 1.0).version for _ in range(2000))
    assert drawn[middle] > drawn[good]


@given(
    scores=st.lists(st.floats(-1, 1), min_size=1, max_size=20),
    scale=st.floats(0.1, 100),
    sharpness=st.floats(0.1, 10),
)
def test_weights_are_above_zero_and_free_of_scale(scores: list[float], scale: float, sharpness: float) -> None:
    scores = [round(score, 3) for score in scores]
    weights = parent_weights(scores, [0] * len(scores), sharpness)
    assert all(0 < weight <= 1 for weight in weights)
    assert parent_weights([scale * score for score in scores], [0] * len(scores), sharpness) == pytest.approx(
        weights, rel=1e-4, abs=1e-4
    )


def test_the_tree_shows_who_came_from_whom(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    root = add(archive, "root", score=0.01)
    child = add(archive, "child", root)
    add(archive, "grandchild", child, score=None)
    add(archive, "second", root)
    lines = list(tree_lines(archive.records()))
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4, 2]
    assert lines[0] == f"{root}  root  accepted  score +0.0100"
    assert "failed at contract" in lines[2]
