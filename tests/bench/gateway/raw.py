"""What Redis alone takes, by hand-written redis-py: one XADD, and the four hops that every answered request makes.

The hops: XADD of the request, XREADGROUP by a worker in another process, XADD of its answer (with the XACK), XREAD by
who asked; one at a time, no envelope, no JSON, no HTTP. `python -m tests.bench.gateway.raw URL` is the worker.
"""

import statistics
import sys
import time

import uvloop

from osiris_mesh.connection import connect, ensure_group

REQUESTS, GROUP, ANSWERS = "raw.requests", "raw", "raw.answers"
DATA = b'{"prompt":"How far is the stop from the last close, and why?","max_length":64}'


async def xadd_ms(url: str, count: int) -> float:
    """Median milliseconds of one XADD."""
    redis = connect(url)
    samples = []
    for _ in range(count):
        began = time.perf_counter()
        await redis.xadd("raw.alone", {"data": DATA}, maxlen=1000)
        samples.append(time.perf_counter() - began)
    await redis.aclose()
    return statistics.median(samples) * 1e3


async def four_hops_ms(url: str, count: int) -> float:
    """Median milliseconds of one request and its answer."""
    redis = connect(url)
    last: bytes = b"$"
    newest = await redis.xrevrange(ANSWERS, count=1)
    last = newest[0][0] if newest else b"0-0"
    samples = []
    for _ in range(count):
        began = time.perf_counter()
        await redis.xadd(REQUESTS, {"data": DATA}, maxlen=1000)
        found = await redis.xread({ANSWERS: last}, block=2_000)
        last = found[0][1][-1][0]
        samples.append(time.perf_counter() - began)
    await redis.aclose()
    return statistics.median(samples) * 1e3


async def answer(url: str) -> None:
    """Answer, for ever."""
    redis = connect(url)
    await ensure_group(redis, REQUESTS, GROUP)
    while True:
        for _, entries in await redis.xreadgroup(GROUP, "one", {REQUESTS: ">"}, count=64, block=2_000) or ():
            pipeline = redis.pipeline(transaction=False)
            for entry_id, fields in entries:
                pipeline.xadd(ANSWERS, {"data": fields[b"data"]}, maxlen=1000)
                pipeline.xack(REQUESTS, GROUP, entry_id)
            await pipeline.execute()


if __name__ == "__main__":
    uvloop.run(answer(sys.argv[1]))
