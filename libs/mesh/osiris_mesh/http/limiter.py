"""The buckets of all keys, in Redis, so that all gateways draw from the same ones."""

from osiris_contracts import ApiKey
from osiris_mesh import scripts
from osiris_mesh.http.limits import PERIOD, Limit, RateLimited, Reading, Unit, reading
from osiris_mesh.writer import Writer

_TAKE = """
-- KEYS: a bucket, which is the moment when it is full. ARGV: microseconds of what is taken (negative: given back) and
-- of all it holds, and 1 where it may become less than empty.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
local over = full - now - ARGV[2]
if over > 0 and ARGV[3] ~= '1' then return -math.ceil(over) end
if full <= now then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return math.ceil(full - now)
"""
"""Take, if it is there: answers with the microseconds until the bucket is full, or, negative, until there is room.

The clock is that of Redis, the same for every gateway. Sent again after a broken connection it takes twice, which errs
on the side of the limit.
"""


class Limiter:
    """Takes from the buckets, one atomic step each.

    Args:
        requests_per_minute: of a key that has no limit of its own; None: as many as come.
        tokens_per_minute: likewise.
    """

    def __init__(self, writer: Writer, *, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._writer = writer
        self._requests_per_minute = requests_per_minute
        self._tokens_per_minute = tokens_per_minute

    def requests_of(self, key: ApiKey) -> Limit | None:
        """How many requests may come with `key`; None: as many as like."""
        return _limit("requests", key.requests_per_minute or self._requests_per_minute)

    def tokens_of(self, key: ApiKey) -> Limit | None:
        """How many tokens its requests may take; None: as many as they like."""
        return _limit("tokens", key.tokens_per_minute or self._tokens_per_minute)

    async def take(self, key: ApiKey, limit: Limit, wanted: int) -> Reading:
        """Take `wanted` out of the bucket of `key`.

        Raises:
            RateLimited: they are not there, and nothing is taken.
        """
        taken = limit.takeable(wanted)
        answer = await scripts.run(self._writer, _TAKE, [_bucket(key, limit)], _arguments(limit, taken, force=False))
        found = reading(limit, taken, answer)
        if found.retry_after:
            raise RateLimited(found)
        return found

    def charge(self, key: ApiKey, limit: Limit, units: int) -> None:
        """Take `units` whether they are there or not (negative: give them back); what is owed is waited for later.

        Nobody waits for it to happen: whatever this gateway takes next is taken after it.
        """
        if units:
            self._writer.put("EVAL", _TAKE, 1, _bucket(key, limit), *_arguments(limit, units, force=True))


def _limit(unit: Unit, amount: int | None) -> Limit | None:
    return None if amount is None else Limit(unit, amount)


def _bucket(key: ApiKey, limit: Limit) -> str:
    return f"gateway:limits:{limit.unit}:{key.name}"


def _arguments(limit: Limit, units: int, *, force: bool) -> list[str | int]:
    return [f"{units * limit.microseconds:.3f}", PERIOD, int(force)]
