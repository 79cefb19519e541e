"""Shares and differences with their intervals, against published figures and what must always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_inference.comparison import difference, median, proportion, win_rate

counts = st.integers(0, 300).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


def test_a_share_has_the_score_interval() -> None:
    found = proportion(81, 263)  # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    nothing = proportion(0, 0)
    assert (nothing.low, nothing.high) == (0, 1)
    with pytest.raises(ValueError, match="expected 0 to 3 successes, was 4"):
        proportion(4, 3)


def test_a_difference_has_newcombes_interval() -> None:
    found = difference(56, 70, 48, 80)  # Newcombe 1998, table II, row (a), method 10
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


@given(counts)
def test_the_share_lies_in_its_interval_and_mirrors(counted: tuple[int, int]) -> None:
    wins, trials = counted
    found, other = proportion(wins, trials), proportion(trials - wins, trials)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low == pytest.approx(1 - other.high)


@given(counts, counts)
def test_a_difference_turns_round_with_its_shares(one: tuple[int, int], other: tuple[int, int]) -> None:
    found, turned = difference(*one, *other), difference(*other, *one)
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))


def test_nine_of_ten_are_beyond_chance_and_eight_are_not() -> None:
    assert win_rate(9, 1).low > 1 / 2 > win_rate(8, 2).low


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=60))
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    found = median(values)
    assert min(values) <= found.low <= found.estimate <= found.high <= max(values)


def test_the_interval_of_twenty_values_goes_from_the_sixth_to_the_fifteenth() -> None:
    found = median([float(each) for each in range(1, 21)])
    assert (found.low, found.estimate, found.high) == (6, 10.5, 15)
