"""Intervals that cover, a Sharpe ratio that counts its trials, and a hold-out that counts its questions."""

from pathlib import Path

import numpy as np
import pytest

from osiris_dgm.statistics.bootstrap import difference_interval, mean_interval, resampled_means
from osiris_dgm.statistics.holdout import Holdout, HoldoutSpent
from osiris_dgm.statistics.sharpe import Moments, deflated_sharpe, expected_best, moments


def test_the_published_case_of_the_deflated_sharpe_ratio() -> None:
    """Bailey & Lopez de Prado (2014), "A numerical example": 5 years of days, 100 trials."""
    variance = 0.5 / 250  # of annual Sharpe ratios 1/2; 250 days a year
    assert expected_best(100, variance) == pytest.approx(0.1132, abs=5e-5)
    observed = Moments(sharpe=2.5 / 250**0.5, skew=-3, kurtosis=10, periods=1250)
    assert deflated_sharpe(observed, 100, variance) == pytest.approx(0.9004, abs=5e-5)


def test_more_trials_leave_less() -> None:
    returns = np.random.default_rng(0).normal(0.08, 1, 2000)
    left = [deflated_sharpe(moments(returns), trials, 0.001) for trials in (1, 10, 100, 1000)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.95 > left[-1]


def test_what_never_trades_has_no_skill() -> None:
    assert deflated_sharpe(moments(np.zeros(100)), 10, 0.001) == 0


def test_the_interval_covers_the_mean_of_a_series_with_memory_about_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(1), 0
    for trial in range(100):
        noise = random.normal(size=400)
        values = np.empty(400)
        values[0] = noise[0]
        for n in range(1, 400):
            values[n] = 0.3 * values[n - 1] + noise[n]
        interval = mean_interval(values, resamples=300, seed=trial)
        covered += interval.low <= 0 <= interval.high
    assert 84 <= covered <= 99


def test_blocks_keep_neighbours_together() -> None:
    memory = np.repeat(np.random.default_rng(2).normal(size=40), 25)
    assert resampled_means(memory, 400, 0, block=25).std() > 3 * resampled_means(memory, 400, 0, block=1).std()


def test_equal_seeds_equal_intervals_and_a_difference_is_found() -> None:
    one, other = np.random.default_rng(3).normal(1, 1, 300), np.random.default_rng(4).normal(0, 1, 200)
    assert mean_interval(one, seed=5) == mean_interval(one, seed=5)
    assert difference_interval(one, other).low > 0 > difference_interval(other, one).high


@pytest.mark.parametrize("values", [np.array([]), np.array([1.0, np.nan])])
def test_no_numbers_no_interval(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        mean_interval(values)


def test_the_hold_out_counts_on_disk_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "holdout.json"
    assert [Holdout(path, "bars", 3).spend() for _ in range(3)] == [1, 2, 3]
    with pytest.raises(HoldoutSpent, match="at most 3"):
        Holdout(path, "bars", 3).spend()
    assert Holdout(path, "other bars", 3).spend() == 1
