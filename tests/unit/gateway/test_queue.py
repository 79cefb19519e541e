"""When the gateway refuses, and how long it says the client should wait."""

from osiris_gateway.queue import Queue
from osiris_mesh.queues import Waiting


def queue(*seen: tuple[float, int, int], oldest: float = 0.0) -> Queue:
    """A queue of at most 10 that was seen at (second, backlog, finished)."""
    found = Queue(limit=10, limit_seconds=60)
    for second, backlog, finished in seen:
        found.observe(Waiting(backlog, oldest, finished), second)
    return found


def test_below_the_limit_there_is_room() -> None:
    assert queue((0, 9, 0)).seconds_until_room() is None


def test_retry_after_follows_from_the_measured_rate() -> None:
    busy = queue((0, 19, 100), (5, 19, 120))  # 4 a second, 10 too many
    assert busy.per_second == 4
    assert busy.seconds_until_room() == 10 / 4


def test_requests_on_their_way_count_before_they_are_seen() -> None:
    assert queue((0, 0, 0)).seconds_until_room(asking=10) is not None


def test_a_short_queue_that_does_not_move_is_full_too() -> None:
    stuck = queue((0, 1, 5), (1, 1, 5), oldest=61)
    assert stuck.seconds_until_room() == 61


def test_only_the_last_half_minute_counts() -> None:
    slowed = queue((0, 50, 0), (10, 50, 1000), (41, 50, 1000), (60, 50, 1000))
    assert slowed.per_second == 0


def test_a_flushed_redis_counts_from_nothing() -> None:
    assert queue((0, 5, 1000), (1, 5, 0), (2, 5, 3)).per_second == 3


def test_a_redis_that_does_not_count_says_nothing_of_the_rate() -> None:
    old = Queue(limit=1, limit_seconds=60)
    old.observe(Waiting(5, 7.0, None), 0)
    old.observe(Waiting(5, 8.0, None), 1)
    assert (old.per_second, old.seconds_until_room()) == (0, 8)
