"""A client that comes back gets what it has not, and nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from osiris_gateway.resume import Progress


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(0, 60))
def test_what_was_sent_before_and_after_a_break_is_the_whole(events: list[int], broke_after: int) -> None:
    first = Progress(3, ())
    sent = []
    event_id = "0.0.0"
    for index in events[:broke_after]:
        assert first.take(index)
        sent.append(index)
        event_id = first.event_id
    again = Progress(3, tuple(map(int, event_id.split("."))))
    rest = [index for index in events if again.take(index)]
    assert sent + rest == events


def test_an_id_of_another_call_is_no_place_in_this_one() -> None:
    assert Progress(1, (3, 4)).take(0)
