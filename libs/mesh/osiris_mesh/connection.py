"""Connections to Redis."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ResponseError

# redis-py types every answer as the union of what both wire protocols give, which no caller can use. What the
# answers look like is pinned by the tests over a real Redis instead.
Client = Any

# redis-py gives a socket up after 5 s of silence; a blocking read must come back well before that.
BLOCK_MS = 2_000


def connect(url: str) -> Client:
    """A client for `url` whose answers are bytes."""
    return Redis.from_url(url, decode_responses=False, retry=Retry(ExponentialBackoff(cap=1, base=0.05), 3))


async def ensure_group(redis: Client, stream: str, group: str) -> None:
    """Make `group` at the stream's very beginning, so that nothing sent before it existed is lost."""
    try:
        await redis.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
