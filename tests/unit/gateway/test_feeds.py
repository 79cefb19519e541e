"""Places in many streams, and what waits for a client."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import DeadCounts, Presence
from osiris_gateway.feeds import place as places
from osiris_gateway.feeds.events import Event, state
from osiris_gateway.feeds.mailbox import Mailbox
from osiris_gateway.feeds.pulse import service_state

STREAMS = tuple(f"stream.{number}" for number in range(10))
ID = st.tuples(st.integers(0, 2**43), st.integers(0, 2**64 - 1)).map(lambda each: each if each[0] else (0, 0))


@given(st.lists(ID, min_size=len(STREAMS), max_size=len(STREAMS)).map(tuple))
def test_a_place_is_read_as_it_was_written(place: places.Place) -> None:
    assert places.decode(places.encode(place), STREAMS) == place


def test_a_place_of_an_hour_is_short() -> None:
    place = tuple((1_790_000_000_000 - 3_600_000 * (number % 2), number % 3) for number in range(10))
    assert len(places.encode(place)) < 80


def test_of_a_stream_that_was_added_since_all_is_new() -> None:
    known = places.encode(((5, 0), (7, 1)))
    assert places.decode(known, ("one", "two", "three")) == ((5, 0), (7, 1), (0, 0))


@pytest.mark.parametrize("text", ["", "zz", "19f0c1d2e3a!", "g1", "1\n"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an event id"):
        places.decode(text, STREAMS)


def event(kind: str, number: int) -> Event:
    return Event(kind, str(number))


def names(events: list[Event]) -> list[str]:
    return [f"{each.kind}{each.data}" for each in events]


async def test_events_come_in_order_whatever_their_kind() -> None:
    box = Mailbox({"tick": 10, "critique": 10}, 10)
    for number, kind in enumerate(["tick", "decision", "critique", "tick", "decision"]):
        box.put(event(kind, number))
    assert names(await box.take(0)) == ["tick0", "decision1", "critique2", "tick3", "decision4"]
    assert await box.take(0) == []


async def test_the_oldest_bars_go_first_and_are_counted_and_decisions_never_go() -> None:
    box = Mailbox({"tick": 3}, 10)
    for number in range(8):
        box.put(event("decision" if number == 0 else "tick", number))
    assert names(await box.take(0)) == ["decision0", "tick5", "tick6", "tick7"]
    assert box.dropped == {"tick": 4}


async def test_a_client_with_too_many_decisions_waiting_is_let_go() -> None:
    box = Mailbox({"tick": 3}, 2)
    for number in range(3):
        box.put(event("decision", number))
    assert box.closed
    assert len(box) == 0
    assert await box.take(5) == []  # it does not wait


async def test_of_how_things_are_only_the_newest_is_told() -> None:
    box = Mailbox({}, 2)
    for count in (1, 2):
        box.tell(state("dead", DeadCounts(streams={"market.ticks": count})))
    assert [each.data for each in await box.take(0)] == ['{"streams":{"market.ticks":2}}']


async def test_whoever_waits_is_woken() -> None:
    box = Mailbox({}, 2)
    waiting = asyncio.create_task(box.take(10))
    await asyncio.sleep(0)
    box.put(event("decision", 1))
    assert names(await asyncio.wait_for(waiting, 1)) == ["decision1"]


@given(st.lists(st.sampled_from(["tick", "decision"]), max_size=60), st.lists(st.integers(0, 59), max_size=5))
def test_what_is_taken_is_what_was_put_but_for_the_oldest_bars(kinds: list[str], takes: list[int]) -> None:
    box = Mailbox({"tick": 4}, 100)
    taken: list[Event] = []

    async def run() -> None:
        for number, kind in enumerate(kinds):
            box.put(event(kind, number))
            if number in takes:
                taken.extend(await box.take(0))
        taken.extend(await box.take(0))

    asyncio.run(run())
    order = [int(each.data) for each in taken]
    assert order == sorted(order)
    assert [int(each.data) for each in taken if each.kind == "decision"] == [
        number for number, kind in enumerate(kinds) if kind == "decision"
    ]
    assert len(taken) + box.dropped["tick"] == len(kinds)


def test_a_service_is_as_well_as_its_best_instance() -> None:
    def instance(*, ready: bool, draining: bool = False) -> Presence:
        facts = {"service": "phi3", "instance": "a", "in_flight": 1, "started_at": "2026-01-01T00:00:00Z"}
        return Presence.model_validate({**facts, "ready": ready, "draining": draining})

    both = service_state("phi3", [instance(ready=False), instance(ready=True)])
    assert (both.state, both.instances, both.in_flight) == ("ready", 2, 2)
    assert service_state("phi3", [instance(ready=False, draining=True)]).state == "draining"
    assert service_state("phi3", []).state == "away"
