"""When the watchdog acts, when it waits, and when it asks for a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_watchdog.brake import Brake, Pace
from osiris_watchdog.guard import Act, Guard, Rules
from osiris_watchdog.reading import Reading

RULES = Rules(limit_mib=10_752, warn_seconds=0)
MINUTE = 60.0


def acts(reads: list[float | None], rules: Rules = RULES, service: str = "hermes") -> list[tuple[int, str]]:
    """What follows from readings of one GPU a minute apart: the number of the reading, from 1, and the act."""
    guard = Guard(rules)
    return [
        (number, act.kind)
        for number, mib in enumerate(reads, 1)
        for act in guard.judge([Reading(service, device="GPU 0", mib=mib)], number * MINUTE)
    ]


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([10_753] * 3, [3]),
        ([10_752] * 10, []),  # strictly above
        ([10_753, 10_753, 10_000, 10_753, 10_753], []),  # one below begins anew
        ([11_000] * 6, [3]),  # once, then the cooldown
    ],
)
def test_three_readings_in_a_row_strictly_above_the_limit(reads: list[float | None], expected: list[int]) -> None:
    assert acts(reads) == [(number, "restart_asked") for number in expected]


def test_a_reading_that_failed_neither_counts_nor_begins_anew_and_is_told() -> None:
    assert acts([10_753, 10_753, None, None, 10_753]) == [(3, "read_failed"), (4, "read_failed"), (5, "restart_asked")]
    assert acts([10_753, None, None, None, 10_753]) == [(number, "read_failed") for number in (2, 3, 4)]


def test_the_pause_doubles_and_after_three_restarts_in_an_hour_a_person_is_needed() -> None:
    # 5 minutes behind the first restart, 10 behind the second, 20 behind the third
    assert acts([11_000] * 180) == [
        (3, "restart_asked"),
        (8, "restart_asked"),
        (18, "restart_asked"),
        (38, "circuit_opened"),
    ]


def test_a_person_lets_it_go_on() -> None:
    guard = Guard(RULES, {"hermes": Brake(RULES.pace, [0, 1, 2], open=True)})
    above = [Reading("hermes", device="GPU 0", mib=11_000)]
    assert [guard.judge(above, number * MINUTE) for number in range(5)] == [[]] * 5
    assert guard.release() == ["hermes"]
    assert [act.kind for act in guard.judge(above, 6 * MINUTE)] == ["restart_asked"]
    assert guard.release() == []


def test_restarts_that_are_long_ago_do_not_count() -> None:
    brake = Brake(Pace(cooldown_seconds=300, restarts=3, window_seconds=3600), [0, 1000, 2000])
    assert brake.ask(3200) == "give up"
    brake = Brake(Pace(cooldown_seconds=300, restarts=3, window_seconds=3600), [0, 1000, 2000])
    assert brake.ask(3601) == "go"


def test_instances_are_counted_by_themselves_and_paced_together() -> None:
    rules = Rules(limit_mib=100, warn_seconds=0)
    guard = Guard(rules)
    told = []
    for number in range(1, 9):
        readings = [Reading("phi3", "a", mib=101), Reading("phi3", "b", mib=101), Reading("phi3", "c", mib=99)]
        told += [(number, act.reading.instance) for act in guard.judge(readings, number * MINUTE)]
    assert told == [(3, "a"), (8, "a")]  # never two replicas of one service at once


def test_an_instance_that_is_gone_is_forgotten() -> None:
    guard = Guard(Rules(limit_mib=100, warn_seconds=0))
    there, gone = [Reading("phi3", "a", mib=101)], list[Reading]()
    assert [guard.judge(each, 0.0) for each in (there, there, gone, there, there)] == [[]] * 5


def test_growth_is_warned_of_once_before_the_limit() -> None:
    rules = Rules(limit_mib=2_048, warn_seconds=1_800)
    guard = Guard(rules)
    told: list[Act] = []
    for number in range(20):  # 50 MiB a minute from 1,000: full in 21 minutes
        told += guard.judge([Reading("hermes", "a", mib=1_000 + 50 * number)], number * MINUTE)
    (warning,) = told
    assert warning.kind == "limit_ahead"
    assert warning.seconds_to_limit == pytest.approx((2_048 - 1_200) / 50 * MINUTE)


def test_a_model_that_is_loaded_is_no_growth() -> None:
    guard = Guard(Rules(limit_mib=2_048, warn_seconds=1_800))
    for number, mib in enumerate([90, 900, 905, 902, 904, 903, 905, 904]):
        assert guard.judge([Reading("phi3", "a", mib=mib)], number * MINUTE) == []


@given(st.lists(st.one_of(st.none(), st.floats(0, 20_000)), max_size=200), st.integers(1, 5), st.integers(1, 4))
def test_it_never_restarts_more_often_than_it_may(reads: list[float | None], row: int, most: int) -> None:
    rules = Rules(limit_mib=10_752, reads=row, pace=Pace(120, most, 3_600), warn_seconds=0)
    told = acts(reads, rules)
    restarts = [number * MINUTE for number, kind in told if kind == "restart_asked"]
    for first in restarts:
        assert sum(first <= each < first + 3_600 for each in restarts) <= most
    for number in (round(each / MINUTE) for each in restarts):
        counted = [mib for mib in reads[:number] if mib is not None]
        assert len(counted) >= row and all(mib > 10_752 for mib in counted[-row:])
    assert [number for number, kind in told if kind == "read_failed"] == [
        number for number, mib in enumerate(reads, 1) if mib is None
    ]
