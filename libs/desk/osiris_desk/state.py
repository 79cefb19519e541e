"""All that the desk knows, as one JSON text."""

from typing import Self
from uuid import UUID

from msgspec import field

from osiris_contracts import Fill, Order
from osiris_desk.book import Book
from osiris_desk.outcomes import Pending
from osiris_desk.rules import Rules
from osiris_desk.run_id import first_link
from osiris_desk.values import Value, from_json, to_json
from osiris_desk.window import Window

REMEMBERED = 64
"""How many of the last fills are known, so that one that comes again is left out."""


class State(Value, frozen=True, kw_only=True):
    """The desk between two bars. Immutable; goes to JSON and back without a change.

    Attributes:
        book: cash and positions.
        windows: bars and closes by symbol.
        open_orders: orders sent whose report was not booked yet, by id.
        held: fills whose bar has not come yet, in the order they came.
        seen: the last fills taken, as order id and reason.
        pending: decisions whose outcome is not known yet, oldest first.
        sequence: runs so far.
        last_run: id of the last run; what the next one is chained to.
        paused: whether the owner wants no bars taken.
        orders_stopped: whether the owner wants no new exposure.
    """

    book: Book
    windows: dict[str, Window] = field(default_factory=dict)
    open_orders: dict[UUID, Order] = field(default_factory=dict)
    held: tuple[Fill, ...] = ()
    seen: tuple[str, ...] = ()
    pending: tuple[Pending, ...] = ()
    sequence: int = 0
    last_run: UUID
    paused: bool = False
    orders_stopped: bool = False

    @classmethod
    def fresh(cls, rules: Rules, policy_version: str) -> Self:
        """The state of a new book."""
        return cls(book=Book.opened(rules.starting_cash), last_run=first_link(policy_version, rules.seed))

    def to_json(self) -> bytes:
        """The state as JSON."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """The state that `to_json` wrote.

        Raises:
            ValueError: `data` is something else.
        """
        return from_json(data, cls)
