"""What a night learns from."""

import random
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.trainer.rows import correction, outcome, proposal, rating

from osiris_trainer.night.dataset import Shares, TooFew, build, in_regression
from osiris_trainer.night.drawing import draw, steps_for
from osiris_trainer.night.examples import Dataset

SHARES = Shares(min_pairs=20, held_out=0.25, most=2_000)
FORTY = [correction(number) for number in range(40)]


def test_corrections_become_pairs_and_the_newest_judge() -> None:
    dataset = build(FORTY, [], SHARES)
    assert len(dataset.train) + len(dataset.held_out) + len(dataset.regression) == 40
    assert max(each.at for each in dataset.train) < min(each.at for each in dataset.held_out)
    assert all(each.rejected == proposal(0.6) and each.chosen.new_stop_pct >= 2 for each in dataset.train)
    assert dataset.manifest.held_out == round(0.25 * (40 - dataset.manifest.regression))


def test_the_same_rows_in_another_order_are_the_same_dataset() -> None:
    rows = [*FORTY, *(rating(number, -1.0) for number in range(0, 40, 3))]
    shuffled = rows.copy()
    random.Random(1).shuffle(shuffled)
    assert build(rows, [], SHARES) == build(shuffled, [], SHARES)


def test_what_is_in_the_regression_set_stays_there_and_is_never_trained_on() -> None:
    first = build(FORTY, [], SHARES)
    later = build([correction(number) for number in range(200)], [], SHARES)
    assert first.regression
    assert {each.feedback_id for each in first.regression} <= {each.feedback_id for each in later.regression}
    assert not any(in_regression(each) for each in (*later.train, *later.held_out))


def test_of_one_situation_the_newest_correction_counts() -> None:
    again = correction(99, prompt=FORTY[0]["prompt"])
    dataset = build([*FORTY, again], [], SHARES)
    same = [each for each in (*dataset.train, *dataset.held_out, *dataset.regression) if each.prompt == again["prompt"]]
    assert [each.transaction_id for each in same] == [UUID(int=99)]
    assert dataset.manifest.left_out == {"a newer one settles it": 1}


def test_ratings_and_outcomes_decide_how_often_a_correction_is_drawn() -> None:
    loss, praise = [outcome(number, -3.0) for number in range(40)], [rating(number, 1.0) for number in range(40)]
    bad = [rating(number, -1.0) for number in range(40)]
    assert {each.weight for each in build(FORTY, [], SHARES).train} == {1.0}
    assert {each.weight for each in build([*FORTY, *bad], loss, SHARES).train} == {1.5}
    assert {each.weight for each in build([*FORTY, *praise], [], SHARES).train} == {0.75}


def test_a_proposal_that_was_praised_is_imitated() -> None:
    praised = rating(500, 1.0, received_at=FORTY[0]["received_at"])
    dataset = build([*FORTY, praised], [], SHARES)
    found = next(each for each in dataset.train if each.transaction_id == UUID(int=500))
    assert (found.chosen, found.rejected, found.weight) == (proposal(0.6), None, 0.5)


def test_a_newer_rating_wins() -> None:
    both = [rating(500, 1.0), rating(500, -1.0, feedback_id=UUID(int=7), received_at=rating(501, 0.0)["received_at"])]
    dataset = build([*FORTY, *both], [], SHARES)
    assert not [each for each in dataset.train if each.transaction_id == UUID(int=500)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (correction(50, prompt=None), "its prompt or proposal is not known any more"),
        (correction(50, corrected_proposal=proposal(0.0)), "phi3 cannot write it: a stop or target of 0"),
        (correction(50, prompt="x" * 3_000), "its prompt is too long"),
    ],
)
def test_what_cannot_be_learnt_is_left_out_with_a_reason(row: dict[str, object], reason: str) -> None:
    dataset = build([*FORTY, row], [], SHARES)
    assert dataset.manifest.left_out == {reason: 1}


def test_a_correction_is_learnt_as_phi3_can_write_it() -> None:
    odd = proposal(2.123, rationale='Zu eng für "Öl":\nder Stop.')
    rows = [correction(number, corrected_proposal=odd) for number in range(40)]
    chosen = build(rows, [], SHARES).train[0].chosen
    assert (chosen.new_stop_pct, chosen.rationale) == (2.12, "Zu eng fur 'Ol': der Stop.")


def test_too_few_corrections_are_told() -> None:
    with pytest.raises(TooFew, match="expected 20 corrections of known proposals, there are 19"):
        build(FORTY[:19], [], SHARES)
    unknown = [correction(number, original_proposal=None) for number in range(40)]
    with pytest.raises(TooFew, match="there are 0"):
        build(unknown, [], SHARES)


def test_a_dataset_is_read_as_it_was_written(tmp_path: Path) -> None:
    dataset = build(FORTY, [], SHARES)
    dataset.write(tmp_path)
    assert Dataset.read(tmp_path) == dataset
    (tmp_path / "train.jsonl").unlink()
    with pytest.raises(ValueError, match=r"train\.jsonl is missing"):
        Dataset.read(tmp_path)


@settings(max_examples=30)
@given(weights=st.lists(st.sampled_from([0.5, 0.75, 1.0, 1.5]), min_size=1, max_size=20), count=st.integers(1, 80))
def test_examples_are_drawn_as_often_as_their_weight_says(weights: list[float], count: int) -> None:
    example = build(FORTY, [], SHARES).train[0]
    pool = [
        example.model_copy(update={"feedback_id": UUID(int=number), "weight": weight})
        for number, weight in enumerate(weights)
    ]
    drawn = draw(pool, count, seed=3)
    assert len(drawn) == count
    assert drawn == draw(pool, count, seed=3)
    for each in pool:
        wanted = count * each.weight / sum(weights)
        assert abs(drawn.count(each) - wanted) <= 1 + 1e-6


def test_every_example_is_seen_once_at_least() -> None:
    assert (steps_for(43, 15, 4), steps_for(100, 15, 4)) == (15, 25)
