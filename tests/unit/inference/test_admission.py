"""Who may run, by the room there is for keys and values."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_contracts import Priority
from osiris_inference.protocol import QueueFull
from osiris_inference.vllm_engine.admission import Admission


class Guests:
    """Requests that stay until they are told to go; `came` is the order in which they were let in."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.came: list[str] = []
        self._go: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, tokens: int, priority: Priority = "desk") -> None:
        self._go[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, tokens, priority))
        await asyncio.sleep(0)

    async def leave(self, name: str) -> None:
        self._go[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)

    async def _stay(self, name: str, tokens: int, priority: Priority) -> None:
        async with self._admission.room(tokens, priority):
            self.came.append(name)
            await self._go[name].wait()


async def test_a_request_waits_until_all_its_tokens_have_room() -> None:
    admission = Admission(tokens=100, slots=8, waiting=8)
    guests = Guests(admission)
    await guests.ask("a", 60)
    await guests.ask("b", 60)
    assert (guests.came, admission.running, admission.waiting) == (["a"], 1, 1)
    await guests.leave("a")
    assert guests.came == ["a", "b"]
    await guests.leave("b")
    assert (admission.running, admission.waiting) == (0, 0)
    await admission.drained()


async def test_interactive_goes_first_and_nobody_overtakes_within_one_priority() -> None:
    guests = Guests(Admission(tokens=100, slots=1, waiting=8))
    await guests.ask("first", 10)
    priorities: dict[str, Priority] = {"batch": "batch", "desk 1": "desk", "desk 2": "desk", "me": "interactive"}
    for name, priority in priorities.items():
        await guests.ask(name, 10, priority)
    for name in ("first", "me", "desk 1", "desk 2"):
        await guests.leave(name)
    assert guests.came == ["first", "me", "desk 1", "desk 2", "batch"]
    await guests.leave("batch")


async def test_one_that_gives_up_leaves_no_trace_and_the_queue_is_bounded() -> None:
    admission = Admission(tokens=100, slots=1, waiting=2)
    guests = Guests(admission)
    for name in "abc":
        await guests.ask(name, 10)
    with pytest.raises(QueueFull):
        async with admission.room(10, "desk"):
            pass
    guests.tasks["b"].cancel()
    await asyncio.gather(guests.tasks["b"], return_exceptions=True)
    await guests.leave("a")
    assert guests.came == ["a", "c"]
    await guests.leave("c")
    assert (admission.running, admission.waiting) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["stay", "give up"])), max_size=20))
def test_room_is_never_given_twice_and_all_comes_back(requests: list[tuple[int, str]]) -> None:
    async def play() -> None:
        admission = Admission(tokens=100, slots=4, waiting=100)
        inside: list[int] = []

        async def one(tokens: int, hurry: Callable[[], float]) -> None:
            async with asyncio.timeout(hurry()), admission.room(tokens, "desk"):
                inside.append(tokens)
                assert sum(inside) <= 100 and len(inside) <= 4
                try:
                    await asyncio.sleep(0)
                finally:
                    inside.remove(tokens)

        tasks = [one(tokens, lambda what=what: 0 if what == "give up" else 5) for tokens, what in requests]  # type: ignore[misc]
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, TimeoutError), outcome
        assert (admission.running, admission.waiting, inside) == (0, 0, [])

    asyncio.run(play())
