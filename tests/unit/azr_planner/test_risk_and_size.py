"""Risk, confidence and size, against numbers computed by hand."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_azr_planner.trade.confidence import confidence
from osiris_azr_planner.trade.risk import entropy, latent_risk, max_drawdown, volatility
from osiris_azr_planner.trade.sizing import contracts, multiplier, size

ZIGZAG = [100.0, 110.0] * 15 + [100.0]
FALL = [100.0] * 30 + [90.0]
CURVES = st.lists(st.floats(1e-9, 1e12), min_size=31, max_size=60)


def test_steady_growth_has_no_risk() -> None:
    assert latent_risk([100 * 1.01**number for number in range(31)]) == pytest.approx(0, abs=1e-9)
    assert latent_risk([100.0] * 31) == 0


def test_a_zigzag() -> None:
    # 15 returns of 0.1 and 15 of -1/11: deviations of 0.0954545 from their mean, times sqrt(30 / 29) and sqrt(252)
    assert volatility(ZIGZAG) == pytest.approx(1.5411986, abs=1e-6)
    assert max_drawdown(ZIGZAG) == pytest.approx(1 / 11)
    # 25 five-step returns in two bins, 13 and 12: (0.52 ln 1/0.52 + 0.48 ln 1/0.48) / ln 10
    assert entropy(ZIGZAG[-30:]) == pytest.approx(0.300682, abs=1e-6)
    assert latent_risk(ZIGZAG) == pytest.approx(0.45 + 0.35 * (1 / 11) / 0.333 + 0.2 * 0.300682, abs=1e-6)
    assert latent_risk(ZIGZAG) == pytest.approx(0.605687, abs=1e-5)


def test_one_fall() -> None:
    # variance (0.01 - 30 (0.1 / 30)^2) / 29 = 1/3000
    assert volatility(FALL) == pytest.approx(math.sqrt(252 / 3000))
    assert max_drawdown(FALL) == pytest.approx(0.1)
    assert entropy(FALL[-30:]) == pytest.approx(0.0729372, abs=1e-6)  # one of 25 apart
    assert latent_risk(FALL) == pytest.approx(0.569692, abs=1e-5)


def test_only_the_last_31_points_count_and_fewer_are_all_risk() -> None:
    assert latent_risk([1.0, 50.0, *FALL]) == latent_risk(FALL)
    assert latent_risk(FALL[1:]) == 1.0
    assert latent_risk([]) == 1.0


def test_the_bins_are_those_of_numpy() -> None:
    chance = random.Random(5)
    for _ in range(200):
        curve = [100.0]
        for _ in range(29):
            curve.append(curve[-1] * (1 + chance.gauss(0, 0.01)))
        values = np.array(curve)
        counts, _ = np.histogram(values[5:] / values[:-5] - 1, bins=10)
        shares = counts[counts > 0] / counts.sum()
        assert entropy(curve) == pytest.approx(-(shares * np.log(shares)).sum() / math.log(10), abs=1e-9)


@given(CURVES)
def test_risk_is_from_0_to_1(curve: list[float]) -> None:
    assert 0 <= latent_risk(curve) <= 1


@pytest.mark.parametrize(
    ("wins", "losses", "expected"), [(0, 0, 3 / 7), (20, 3, 23 / 30), (1, 0, 0.5), (0, 13, 0.15), (10**9, 0, 1.0)]
)
def test_confidence(wins: int, losses: int, expected: float) -> None:
    assert confidence(wins, losses) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("risk", "expected"),
    [(0.0, 200_000), (0.3, 200_000), (0.4, 150_000), (0.5, 100_000), (0.6, 50_000), (0.7, 0), (1.0, 0)],
)
def test_size_at_twice_the_equity(risk: float, expected: float) -> None:
    assert size(risk, 100_000) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-9, 1e12))
def test_more_risk_never_means_more_size(one: float, other: float, equity: float) -> None:
    calm, wild = sorted((one, other))
    assert size(calm, equity) >= size(wild, equity) >= 0


def test_a_point_of_a_future_is_worth_more() -> None:
    assert [multiplier(each) for each in ("MES", "M2K", "MNQ", "SPY")] == [5, 5, 2, 1]
    assert contracts(200_000, 5_000, "MES") == 8
    assert contracts(200_000, 500, "SPY") == 400
