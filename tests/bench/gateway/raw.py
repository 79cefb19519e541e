"""What one request takes without a gateway, by hand-written redis-py, one at a time.

`xadd_ms`: one XADD. `four_hops_ms`: the hops that every answered request makes, by a hand-written worker in another
process too: XADD of the request, XREADGROUP, XADD of its answer (with the XACK), XREAD by who asked; no envelope, no
JSON, no HTTP. `echo_ms`: the same hops with the real worker that the gateway asks.

`python -m tests.bench.gateway.raw URL` is the hand-written worker.
"""

import statistics
import sys
import time

import uvloop

from osiris_contracts import GenerateRequest, streams
from osiris_contracts.streams import DEFAULT_PRIORITY
from osiris_mesh.connection import Client, connect, ensure_group
from osiris_mesh.envelope import wrap
from osiris_mesh.ids import new_id

REQUESTS, GROUP, ANSWERS = "raw.requests", "raw", "raw.answers"
PROMPT = "How far is the stop from the last close, and why?"
DATA = b'{"prompt":"%b","max_length":64}' % PROMPT.encode()


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
    """Median milliseconds of one request and its answer by the hand-written worker."""
    redis = connect(url)
    newest = await redis.xrevrange(ANSWERS, count=1)
    last: bytes = newest[0][0] if newest else b"0-0"
    samples = []
    for _ in range(count):
        began = time.perf_counter()
        last = await _asked(redis, REQUESTS, {"data": DATA}, ANSWERS, last)
        samples.append(time.perf_counter() - began)
    await redis.aclose()
    return statistics.median(samples) * 1e3


async def echo_ms(url: str, count: int) -> float:
    """Median milliseconds of one request and its answer by the echo worker."""
    redis = connect(url)
    answers, lane = streams.replies(f"raw-{new_id()}"), streams.lane(streams.HERMES_REQUESTS, DEFAULT_PRIORITY)
    last = b"0-0"
    samples = []
    for _ in range(count):
        began = time.perf_counter()
        request = wrap(GenerateRequest(prompt=PROMPT, max_length=64), id=new_id(), source="raw", replyto=answers)
        last = await _asked(redis, lane, request.to_fields(), answers, last)
        samples.append(time.perf_counter() - began)
    await redis.delete(answers)
    await redis.aclose()
    return statistics.median(samples) * 1e3


async def _asked(redis: Client, stream: str, fields: dict[str, bytes], answers: str, last: bytes) -> bytes:
    """Ask, and wait for the answer; returns its entry id."""
    await redis.xadd(stream, fields, maxlen=1000)
    found = await redis.xread({answers: last}, block=2_000)
    entry_id: bytes = found[0][1][-1][0]
    return entry_id


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
