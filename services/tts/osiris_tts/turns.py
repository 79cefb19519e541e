"""Who speaks next: one sentence at a time, and never two requests of the same rank mixed."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import get_args

from osiris_contracts import Priority

_TICKERS_KNOWN = 1_000

Place = tuple[int, int]
"""Where a request lies on its stream: later is newer."""


class Replaced(Exception):
    """A newer request about the same ticker came before this one's turn."""


@dataclass(eq=False, slots=True)
class Ticket:
    """A request in the queue.

    Attributes:
        rank: who goes first, the lowest: by priority, then as they came.
        place: on the stream.
        ticker: what it is about.
        begun: whether anything of it was said; then nothing replaces it.
    """

    rank: tuple[int, Place]
    place: Place
    ticker: str | None
    begun: bool
    replaced: bool = False
    called: asyncio.Future[None] | None = None


class Turns:
    """A queue before one voice.

    An interactive request goes before the next sentence of a desk's, that before a batch's; else a request is spoken to
    its end before the next begins. Of the requests about one ticker that were not begun only the newest is spoken.
    """

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []
        self._newest: OrderedDict[str, Place] = OrderedDict()
        self._speaking: Ticket | None = None
        """Whose turn it is, or will be when it comes with its next sentence."""

    @contextmanager
    def queued(self, priority: Priority, place: Place, ticker: str | None, *, begun: bool = False) -> Iterator[Ticket]:
        """A ticket for as long as the block lasts.

        Args:
            begun: part of it was spoken before, by whoever had it then.
        """
        ticket = Ticket((get_args(Priority).index(priority), place), place, ticker, begun)
        if ticker is not None:
            self._replace(ticket, ticker)
        self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            self._tickets.remove(ticket)
            if self._speaking is ticket:
                self._call_next()

    @asynccontextmanager
    async def turn(self, ticket: Ticket) -> AsyncIterator[None]:
        """The voice is the ticket's for the length of the block: one sentence.

        Raises:
            Replaced: nothing of it was said, and something newer is to be.
        """
        if self._speaking is ticket:
            self._call_next(ticket)
        elif self._speaking is None:
            self._speaking = ticket
        if self._speaking is not ticket:
            await self._wait(ticket)
        if ticket.replaced:
            raise Replaced
        ticket.begun = True
        yield

    async def _wait(self, ticket: Ticket) -> None:
        ticket.called = asyncio.get_running_loop().create_future()
        try:
            await ticket.called
        finally:
            ticket.called = None

    def _call_next(self, also: Ticket | None = None) -> None:
        """Give the turn to the first of those that wait, and of `also`."""
        waiting = [each for each in self._tickets if each is also or (each.called and not each.called.done())]
        self._speaking = min(waiting, key=lambda each: each.rank, default=None)
        if self._speaking is not None and self._speaking.called is not None:
            self._speaking.called.set_result(None)

    def _replace(self, new: Ticket, ticker: str) -> None:
        new.replaced = not new.begun and self._newest.get(ticker, new.place) > new.place
        for old in self._tickets:
            if old.ticker == ticker and not old.begun and old.place < new.place:
                old.replaced = True
                if old.called is not None and not old.called.done():
                    old.called.set_result(None)  # to be told, whosever turn it is
        self._newest[ticker] = max(new.place, self._newest.get(ticker, new.place))
        self._newest.move_to_end(ticker)
        while len(self._newest) > _TICKERS_KNOWN:
            self._newest.popitem(last=False)
