"""The nemesis' schedule follows from its seed."""

import pytest
from tests.chaos.history.schedule import KILLS, Fsync, Operation, schedule


def planned(seed: int, fsync: Fsync = "everysec", minutes: float = 10) -> list[Operation]:
    return schedule(seed, minutes * 60, ["gateway", "hermes-1"], 20, fsync)


def test_the_same_seed_plays_the_same_schedule() -> None:
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)


@pytest.mark.parametrize("seed", range(5))
def test_it_kills_as_often_as_it_is_told(seed: int) -> None:
    kills = sum(operation.kind in KILLS for operation in planned(seed))
    assert kills == pytest.approx(200, rel=0.2)


def test_it_is_in_order_and_within_the_run() -> None:
    moments = [operation.at for operation in planned(3)]
    assert moments == sorted(moments)
    assert moments[0] > 0 and moments[-1] < 600


def test_it_flushes_once_early_and_a_short_run_not_at_all() -> None:
    (flush,) = [operation for operation in planned(3) if operation.kind == "flush"]
    assert 60 <= flush.at <= 180
    assert not [operation for operation in planned(3, minutes=1) if operation.kind == "flush"]


def test_with_fsync_always_nothing_is_taken_from_redis() -> None:
    losses = {"power cut", "flush"}
    assert losses <= {operation.kind for operation in planned(3)}
    assert not losses & {operation.kind for operation in planned(3, "always")}
