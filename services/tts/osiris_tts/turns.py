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

    An interactive request goes before the next sentence of a desk's, that before a batch's. Of the requests about one
    ticker that were not begun only the newest is spoken.
    """

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []
        self._newest: OrderedDict[str, Place] = OrderedDict()
        self._speaking = False

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

    @asynccontextmanager
    async def turn(self, ticket: Ticket) -> AsyncIterator[None]:
        """The voice is the ticket's for the length of the block: one sentence.

        Raises:
            Replaced: nothing of it was said, and something newer is to be.
        """
        if ticket.replaced:
            raise Replaced
        if self._speaking:
            await self._wait(ticket)
            if ticket.replaced:  # in the very moment it was called
                self._call_next()
                raise Replaced
        self._speaking = True
        ticket.begun = True
        try:
            yield
        finally:
            self._call_next()

    async def _wait(self, ticket: Ticket) -> None:
        ticket.called = asyncio.get_running_loop().create_future()
        try:
            await ticket.called
        except asyncio.CancelledError:
            if ticket.called.done() and not ticket.called.cancelled() and ticket.called.exception() is None:
                self._call_next()  # it was called in the very moment it left
            raise
        finally:
            ticket.called = None

    def _call_next(self) -> None:
        waiting = [(each.rank, each.called) for each in self._tickets if each.called and not each.called.done()]
        if not waiting:
            self._speaking = False
            return
        _, called = min(waiting, key=lambda each: each[0])
        called.set_result(None)

    def _replace(self, new: Ticket, ticker: str) -> None:
        new.replaced = not new.begun and self._newest.get(ticker, new.place) > new.place
        for old in self._tickets:
            if old.ticker == ticker and not old.begun and old.place < new.place:
                old.replaced = True
                if old.called is not None and not old.called.done():
                    old.called.set_exception(Replaced())
        self._newest[ticker] = max(new.place, self._newest.get(ticker, new.place))
        self._newest.move_to_end(ticker)
        while len(self._newest) > _TICKERS_KNOWN:
            self._newest.popitem(last=False)
