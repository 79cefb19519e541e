"""The replay: plays the tape at its speed, and answers orders in between.

Of every bar the fills go out before its tick, so whoever has read a tick finds every fill up to its time already there.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from osiris_contracts import Fill, Order, OrderRejection
from osiris_desk.market.bars import Tape
from osiris_desk.market.ticks import TickMessage, ticks_of
from osiris_desk.venue.intake import InvalidOrder
from osiris_desk.venue.venue import Event, Venue

CHUNK = 500
"""Bars that go out in one step when they are due together."""

WAIT_SECONDS = 0.5
"""How often the readers are asked after the last bar whether they have read it all."""

CATCH_UP_SECONDS = 1.0
"""After a longer stall the schedule moves on instead of catching up."""

POLL_SECONDS = (0.002, 0.05)
"""How long the replay waits before it looks again whether the trader has finished: at first, and at most."""

PATIENCE_SECONDS = 30.0
"""A trader that needs longer for a bar is told of in the log."""

_log = structlog.get_logger(__name__)

Message = Fill | OrderRejection | TickMessage


class Market(Protocol):
    """The world around the replay."""

    async def orders(self, seconds: float) -> Sequence[Order | InvalidOrder]:
        """New orders; waits up to `seconds` for the first."""

    async def publish(self, messages: Sequence[Message], state: str) -> None:
        """Send messages in order, save `state` and settle the orders handed out so far: all of it, or nothing."""

    async def trader_behind(self) -> bool | None:
        """Whether the trader has bars to finish that were sent; None when nobody trades."""

    async def readers_done(self) -> bool:
        """Whether every group of the tick stream has finished all of it; true when there is no group."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to replay.

    Attributes:
        identity: of this replay; a saved state of another one is not used.
        seed: of the message ids.
        seconds_per_bar: between bars; 0 for as fast as it goes.
        wait_for_readers: stay as the venue until every group has read the last tick.
    """

    identity: str
    seed: int
    seconds_per_bar: float
    wait_for_readers: bool


class Replay:
    """One run over a tape.

    Args:
        on_bars: told how many bars were played, after each step.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        tape: Tape,
        venue: Venue,
        market: Market,
        plan: Plan,
        *,
        on_bars: Callable[[int], None] = lambda count: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tape = tape
        self._venue = venue
        self._market = market
        self._plan = plan
        self._on_bars = on_bars
        self._clock = clock
        self._due_at = clock()

    def resume(self, saved: bytes | None) -> bool:
        """Go on from a saved state; False when it is none of this replay, or of one that had come to its end."""
        state: dict[str, Any] = json.loads(saved) if saved else {}
        if state.get("identity") != self._plan.identity or state["finished"]:
            return False
        self._venue.restore(state["venue"])
        return True

    async def run(self) -> None:
        """Play to the end of the tape, then serve as the venue until the readers are done."""
        self._due_at = self._clock()
        while self._tape.has(self._venue.bar + 1):
            await self._answer(max(0.0, self._due_at - self._clock()))
            at_once = await self._wait_for_trader()
            if count := self._take_due(at_once):
                await self._play(count)
        while self._plan.wait_for_readers and not await self._market.readers_done():
            await self._answer(WAIT_SECONDS)
        while await self._answer(0):
            pass
        await self._market.publish([], self._state(finished=True))

    async def _answer(self, seconds: float) -> bool:
        orders = await self._market.orders(seconds)
        events: list[Event] = []
        for order in orders:
            events += self._venue.submit(order) if isinstance(order, Order) else self._venue.refuse(order)
        if orders:
            await self._market.publish([message for _, message in events], self._state())
        return bool(orders)

    async def _wait_for_trader(self) -> int:
        """Wait until the trader has decided on the last bar; returns how many bars may come at once from here.

        A replay squeezes the time of the bars, not the time that a model takes. Waiting keeps the order of things as it
        is at real speed, so the same bars give the same trades at any speed.
        """
        began = self._clock()
        pause, most = POLL_SECONDS
        told = False
        while behind := await self._market.trader_behind():
            await self._answer(pause)
            pause = min(2 * pause, most)
            if not told and self._clock() - began > PATIENCE_SECONDS:
                told = True
                _log.warning("waiting for the trader to finish the last bar; --pace_group '' goes on without it")
        if behind is None:
            return CHUNK
        if pause > POLL_SECONDS[0]:  # it did wait
            self._due_at = max(self._due_at, self._clock())
        return 1

    def _take_due(self, at_once: int) -> int:
        """How many bars are due, `at_once` at most; from now on the next ones are waited for."""
        if self._plan.seconds_per_bar == 0:
            return at_once
        now = self._clock()
        self._due_at = max(self._due_at, now - CATCH_UP_SECONDS)
        if self._due_at > now:
            return 0
        count = min(int((now - self._due_at) / self._plan.seconds_per_bar) + 1, at_once)
        self._due_at += count * self._plan.seconds_per_bar
        return count

    async def _play(self, count: int) -> None:
        first = self._venue.bar + 1
        ticks = ticks_of(self._tape.part(first, count), self._venue.symbol, self._plan.seed)
        messages: list[Message] = []
        sent = 0
        for number, event in self._venue.play(first + len(ticks) - 1):
            messages += ticks[sent : number - first]
            messages.append(event)
            sent = max(sent, number - first)
        messages += ticks[sent:]
        await self._market.publish(messages, self._state())
        self._on_bars(len(ticks))

    def _state(self, *, finished: bool = False) -> str:
        state = {"identity": self._plan.identity, "finished": finished, "venue": self._venue.snapshot()}
        return json.dumps(state, separators=(",", ":"))
