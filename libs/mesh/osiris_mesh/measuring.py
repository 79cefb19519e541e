"""What a group has left to do, and what could not be delivered, as gauges."""

import time

from osiris_contracts import streams
from osiris_mesh.connection import Client
from osiris_mesh.groups import lag_of
from osiris_mesh.metrics import Metrics


async def measure(redis: Client, metrics: Metrics, stream: str, group: str) -> None:
    """Bring the gauges of one stream up to date."""
    for facts in await redis.xinfo_groups(stream):
        if facts["name"] == group.encode():
            metrics.lag.labels(stream).set(await lag_of(redis, stream, facts))
            metrics.pending.labels(stream).set(facts["pending"])
    oldest = await redis.xpending_range(stream, group, min="-", max="+", count=1)
    age = time.time() - int(oldest[0]["message_id"].split(b"-")[0]) / 1000 if oldest else 0.0
    metrics.oldest_pending.labels(stream).set(max(age, 0.0))
    base = streams.base(stream)
    metrics.dead_letters.labels(base).set(await redis.xlen(streams.dead(base)))
