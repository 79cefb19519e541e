"""What one instance holds of a stream: renewed while it is in its hands, given back when it is not."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis.exceptions import RedisError

from osiris_mesh.connection import Client
from osiris_mesh.entry_id import EntryId, parse_id
from osiris_mesh.terms import Terms

_NOW_CLAIMABLE = 10**9  # milliseconds of idleness given to an entry that anybody may take

_log = structlog.get_logger(__name__)


class Leases:
    """The entries of one stream that Redis has handed to this instance."""

    def __init__(self, redis: Client, stream: str, group: str, consumer: str, terms: Terms) -> None:
        self._redis = redis
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._terms = terms
        self._given_back: set[str] = set()
        self._handling: set[str] = set()
        self._redelivered: set[str] = set()
        self._newest_begun: EntryId = (0, 0)

    @property
    def in_flight(self) -> int:
        """Entries being handled."""
        return len(self._handling)

    @contextmanager
    def handling(self, entry_id: str, deliveries: int) -> Iterator[None]:
        """The block handles `entry_id`, handed out so many times, this one included."""
        self._handling.add(entry_id)
        if deliveries == 1:
            self._newest_begun = max(self._newest_begun, parse_id(entry_id))
        try:
            yield
        finally:
            self._handling.discard(entry_id)

    def taken_over(self, entry_id: str) -> None:
        """It was another's, and waits here for its turn."""
        self._redelivered.add(entry_id)

    def has_its_turn(self, entry_id: str) -> None:
        """It waits no longer."""
        self._redelivered.discard(entry_id)

    def let_run_out(self, entry_id: str) -> None:
        """Renew it no more."""
        self._given_back.add(entry_id)

    def comes_again(self, entry_id: str) -> None:
        """What was let go has come back."""
        self._given_back.discard(entry_id)

    def nothing_waits(self) -> None:
        """The group was made anew, and what was taken over is gone with the old one."""
        self._redelivered.clear()

    async def keep(self) -> None:
        """Renew, for ever, the lease on every entry this instance holds, waiting or being handled.

        What Redis handed out in an answer that never arrived is in its name too, but not in its hands.
        """
        every = self._terms.lease_seconds / 3
        while True:
            await asyncio.sleep(every)
            try:
                held = await self._held()
                self._given_back.intersection_update(held)
                if mine := [entry_id for entry_id in held if self._is_in_hand(entry_id)]:
                    await self._redis.xclaim(self._stream, self._group, self._consumer, 0, mine, justid=True)
            except (RedisError, OSError) as error:
                _log.warning("leases not renewed", stream=self._stream, error=str(error))

    async def give_back(self, entry_id: str) -> None:
        """Let anybody, this instance included, try again at once."""
        self.let_run_out(entry_id)
        await self._make_claimable([entry_id])

    async def give_back_waiting(self) -> None:
        """Give back what nobody has begun to handle."""
        try:
            for entry_id in await self._held():
                if entry_id not in self._handling and entry_id not in self._given_back:
                    await self.give_back(entry_id)
        except (RedisError, OSError) as error:
            _log.warning("nothing given back, the lease will run out", stream=self._stream, error=str(error))

    async def abandon(self) -> None:
        """Give everything still held back at once, and leave the group: nobody need wait for the lease to run out."""
        try:
            if held := await self._held():
                await self._make_claimable(held)
            else:
                await self._redis.xgroup_delconsumer(self._stream, self._group, self._consumer)
        except (RedisError, OSError) as error:
            _log.warning("the group was not left, the lease will run out", stream=self._stream, error=str(error))

    def _is_in_hand(self, entry_id: str) -> bool:
        if entry_id in self._given_back:
            return False
        if entry_id in self._handling or entry_id in self._redelivered:
            return True
        # FastStream begins what it read in order, and lets it wait only while all workers are busy
        return self.in_flight >= self._terms.workers and parse_id(entry_id) > self._newest_begun

    async def _held(self) -> list[str]:
        entries = await self._redis.xpending_range(
            self._stream, self._group, min="-", max="+", count=10_000, consumername=self._consumer
        )
        return [entry["message_id"].decode() for entry in entries]

    async def _make_claimable(self, entry_ids: list[str]) -> None:
        await self._redis.xclaim(
            self._stream, self._group, self._consumer, 0, entry_ids, idle=_NOW_CLAIMABLE, justid=True
        )
