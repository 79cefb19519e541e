"""Consumer groups that nobody reads for any more, and consumers of instances that are dead.

A forgotten group holds up the trimming of its stream until the memory runs out: what it has not finished is kept.
"""

import time
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from osiris_mesh.connection import Client
from osiris_mesh.groups import Consumer, Group, state_of, stream_names
from osiris_mesh.presence import alive

MANY_ENTRIES = 1_000
LONG_SECONDS = 3_600.0
"""A group without readers is told of when it holds back so many entries, or entries so old."""

SILENT_SECONDS = 600.0
"""A reader that got nothing for so long, while there was something to read, does not count as one."""

GONE_SECONDS = 86_400.0
"""A group of a service that this desk does not know is gone for good when nobody read for it for so long."""

CONSUMER_GONE_SECONDS = 3_600.0
"""The same of a single consumer that holds nothing; should it live after all, its next read makes it anew."""

_REMOVE_GROUP = """
-- KEYS: stream. ARGV: group, its last delivered id, milliseconds. Unless somebody has read for it since.
for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if facts[2] == ARGV[1] then
    for at = 1, #facts, 2 do
      if facts[at] == 'last-delivered-id' and facts[at + 1] ~= ARGV[2] then return 0 end
    end
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      if consumer[6] < tonumber(ARGV[3]) then return 0 end
    end
    return redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
  end
end
return 0
"""

_REMOVE_CONSUMER = """
-- KEYS: stream. ARGV: group, consumer. Unless it holds something: that would be lost with it.
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  if facts[2] == ARGV[2] and facts[4] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    return 1
  end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A group that nobody reads for.

    Attributes:
        length: entries of its stream.
        ours: whether a service of this desk owns it; it only has to be started.
        silent_seconds: since somebody last read for it, as far as one can tell.
    """

    group: Group
    length: int
    ours: bool
    silent_seconds: float

    @property
    def holds_back(self) -> bool:
        """Whether its stream grows because of it."""
        oldest = self.group.oldest_left_seconds
        return self.group.left > MANY_ENTRIES or (oldest is not None and oldest > LONG_SECONDS)

    @property
    def gone_for_good(self) -> bool:
        """Whether it may be removed: it is nobody's here, holds back entries, and was silent for long."""
        return not self.ours and self.holds_back and self.silent_seconds >= GONE_SECONDS


@dataclass(frozen=True, slots=True)
class Findings:
    """What is left of services and instances that are gone.

    Attributes:
        groups: how many groups there are in all.
        forgotten: those that nobody reads for.
        consumers: of dead instances, with nothing pending, and their groups.
    """

    groups: int
    forgotten: tuple[Forgotten, ...]
    consumers: tuple[tuple[Group, Consumer], ...]


async def look(redis: Client, services: Collection[str]) -> Findings:
    """Look at every group of every stream.

    Args:
        services: those of this desk; their groups are never forgotten for good.
    """
    groups, forgotten, consumers = 0, [], []
    living: dict[str, frozenset[str]] = {}
    async for length, group in _all_groups(redis):
        groups += 1
        owner = owner_of(group.name)
        if owner not in living:
            living[owner] = frozenset(presence.instance for presence in await alive(redis, owner))
        silent = _silent_seconds(group, time.time())
        if not living[owner] and silent >= SILENT_SECONDS:
            forgotten.append(Forgotten(group, length, owner in services, silent))
        for consumer in group.consumers:
            dead = consumer.name not in living[owner] and consumer.idle_seconds >= CONSUMER_GONE_SECONDS
            if dead and not consumer.pending:
                consumers.append((group, consumer))
    return Findings(groups, tuple(forgotten), tuple(consumers))


async def remove_group(redis: Client, group: Group) -> bool:
    """Remove a group, unless somebody has read for it since it was looked at; returns whether it went."""
    silent = int(SILENT_SECONDS * 1000)
    return bool(await redis.eval(_REMOVE_GROUP, 1, group.stream, group.name, group.last_delivered, silent))


async def remove_consumer(redis: Client, group: Group, consumer: Consumer) -> bool:
    """Remove a consumer, unless it holds something now; returns whether it went."""
    return bool(await redis.eval(_REMOVE_CONSUMER, 1, group.stream, group.name, consumer.name))


def owner_of(group: str) -> str:
    """The service a group belongs to: `orchestrator.runs` is the orchestrator's."""
    return group.partition(".")[0]


async def _all_groups(redis: Client) -> AsyncIterator[tuple[int, Group]]:
    for name in sorted([name async for name in stream_names(redis)]):
        state = await state_of(redis, name, time.time())
        for group in state.groups:
            yield state.length, group


def _silent_seconds(group: Group, now: float) -> float:
    """Since a consumer read; where there is none, since the newest entry read, or the oldest one left, came."""
    if group.consumers:
        return min(consumer.idle_seconds for consumer in group.consumers)
    newest_read = now - int(group.last_delivered.partition("-")[0]) / 1000
    return min(newest_read, group.oldest_left_seconds or newest_read)
