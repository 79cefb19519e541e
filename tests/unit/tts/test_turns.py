"""Who speaks next."""

import asyncio
from contextlib import suppress

import pytest

from osiris_contracts import Priority
from osiris_mesh.tasks import end
from osiris_tts.turns import Replaced, Turns


class Stage:
    """Speakers that note what they say, each sentence at the pace of the event loop."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.said: list[str] = []

    async def speak(
        self, name: str, sentences: int, priority: Priority, place: int, ticker: str | None = None, begun: bool = False
    ) -> None:
        with self.turns.queued(priority, (place, 0), ticker, begun=begun) as ticket:
            for number in range(sentences):
                async with self.turns.turn(ticket):
                    self.said.append(f"{name}{number}")
                    for _ in range(3):
                        await asyncio.sleep(0)

    def start(self, *arguments: object, **options: object) -> "asyncio.Task[None]":
        return asyncio.create_task(self.speak(*arguments, **options))  # type: ignore[arg-type]


async def test_requests_of_one_rank_come_whole_and_in_order() -> None:
    stage = Stage()
    await asyncio.gather(*(stage.start(name, 2, "desk", place) for place, name in enumerate("abc")))
    assert stage.said == ["a0", "a1", "b0", "b1", "c0", "c1"]


async def test_an_interactive_one_goes_before_the_next_sentence_of_a_desks() -> None:
    stage = Stage()
    desk = [stage.start("a", 3, "desk", 1), stage.start("b", 1, "desk", 2), stage.start("z", 1, "batch", 0)]
    await asyncio.sleep(0)
    await asyncio.gather(*desk, stage.start("i", 2, "interactive", 3))
    assert stage.said == ["a0", "i0", "i1", "a1", "a2", "b0", "z0"]


async def test_a_newer_request_of_a_ticker_replaces_what_was_not_begun() -> None:
    stage = Stage()
    first = stage.start("a", 2, "desk", 1, "SPY")
    old, other = stage.start("b", 1, "desk", 2, "SPY"), stage.start("c", 1, "desk", 3, "EURUSD")
    await asyncio.sleep(0)
    newest = stage.start("d", 1, "interactive", 4, "SPY")
    await asyncio.gather(first, other, newest)
    with pytest.raises(Replaced):
        await old
    assert stage.said == ["a0", "d0", "a1", "c0"]


async def test_an_older_one_that_comes_late_is_replaced_unless_it_was_begun() -> None:
    stage = Stage()
    await stage.start("b", 1, "desk", 2, "SPY")
    with pytest.raises(Replaced):
        await stage.start("a", 1, "desk", 1, "SPY")
    await stage.start("c", 1, "desk", 1, "SPY", begun=True)
    assert stage.said == ["b0", "c0"]


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    stage = Stage()
    tasks = [stage.start(name, 50, "desk", place) for place, name in enumerate("abc")]
    await asyncio.sleep(0)
    await end(tasks[1])
    await end(tasks[0])
    with suppress(asyncio.CancelledError):
        await tasks[2]
    assert stage.said[-1] == "c49"
    assert not any(said.startswith("b") for said in stage.said)
    await stage.speak("d", 1, "desk", 9)
    assert stage.said[-1] == "d0"
