"""Connections to Redis."""

from typing import Any, cast

from faststream.redis import RedisBroker, RedisSentinelBroker
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialBackoff
from redis.exceptions import ResponseError

from osiris_mesh.sentinel import SentinelUrl

# redis-py types every answer as the union of what both wire protocols give, which no caller can use. What the
# answers look like is pinned by the tests over a real Redis instead.
Client = Any

# redis-py gives a socket up after 5 s of silence; a blocking read must come back well before that.
BLOCK_MS = 2_000


def connect(url: str) -> Client:
    """A client for `url` whose answers are bytes; behind Sentinel it follows the master."""
    retry = Retry(ExponentialBackoff(cap=1, base=0.05), 3)
    if (behind := SentinelUrl.read(url)) is None:
        return Redis.from_url(url, decode_responses=False, retry=retry)
    # redis-py does not type it
    asked: Any = cast(Any, Sentinel)(behind.sentinels, sentinel_kwargs=behind.tls or None)
    return asked.master_for(behind.master, decode_responses=False, retry=retry, **behind.options)


def broker(url: str, **options: Any) -> RedisBroker:
    """FastStream's broker on `url`."""
    if (behind := SentinelUrl.read(url)) is None:
        return RedisBroker(url, **options)
    return RedisSentinelBroker(
        sentinels=list(behind.sentinels),
        sentinel_master_name=behind.master,
        sentinel_kwargs=behind.tls or None,
        **cast(Any, behind.options),
        **options,
    )


async def ensure_group(redis: Client, stream: str, group: str) -> None:
    """Make `group` at the stream's very beginning, so that nothing sent before it existed is lost."""
    try:
        await redis.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
