"""Ten thousand clients that listen to answers which never end: each costs little, and nobody else notices."""

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.processes import Process, until

from osiris_contracts import Chunk, ModelStatus, Presence, streams
from osiris_mesh import new_id
from osiris_mesh.connection import connect
from osiris_mesh.envelope import wrap
from osiris_mesh.presence import alive, announce

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("idle")]

CLIENTS = 10_000
AT_ONCE = 200
MOST_BYTES = 64 * 1024
SLOWEST_HEALTH_SECONDS = 0.5
STREAM = f"{streams.HERMES_REQUESTS}:interactive"
BODY = b'{"prompt":"Tell me a story without an end.","stream":true}'
REQUEST = (
    b"POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as the machine lets us have; the gateway sees to itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CLIENTS + 1_000:
        pytest.skip(f"needs {CLIENTS + 1_000} open files, the machine allows {hard}")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def allow_files(wanted: int) -> None:
    """How many files this process, and what it starts from now on, may have open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def begin_every_answer(redis: Any) -> None:
    """A hermes of a few lines, as anybody may write one: says one word to every request, and no more, for ever."""
    last = "0"
    while True:
        status = ModelStatus(loaded=True, version="endless", file_exists=False, device="cpu")
        now = Presence.model_validate(
            {"service": "hermes", "instance": "hermes-endless", "ready": True, "in_flight": 0, "started_at": 0}
            | {"model": status}
        )
        await announce(redis, now)
        for _, entries in await redis.xread({STREAM: last}, count=1_000, block=1_000) or ():
            last = entries[-1][0]
            async with redis.pipeline(transaction=False) as pipeline:
                for _, fields in entries:
                    word = wrap(
                        Chunk(index=0, text="Once"), id=new_id(), source="x", causationid=fields[b"id"].decode()
                    )
                    pipeline.xadd(fields[b"replyto"], word.to_fields())
                await pipeline.execute()


async def listen(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for a story, and hear how it begins."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
    writer.write(REQUEST)
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"HTTP/1.1 200")
    await asyncio.wait_for(reader.readuntil(b'"text":"Once"'), 60)
    return reader, writer


async def test_ten_thousand_idle_streams_are_held(many_files: None, redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    allow_files(1_024)  # what most systems give
    hermes = asyncio.create_task(begin_every_answer(redis))
    patience = {"QUEUE_LIMIT": "100000", "QUEUE_SECONDS": "3600", "TIMEOUT_SECONDS": "600"}
    limits = {f"OSIRIS_GATEWAY_{name}": value for name, value in patience.items()}
    with Process("gateway", redis_url, tmp_path, **limits) as gateway:
        await gateway.ready()
        allow_files(CLIENTS + 1_000)
        process = psutil.Process(gateway.pid)
        (present,) = await alive(redis, "gateway")
        url = httpx.URL(present.probe_url or "")
        assert url.port
        held = [await listen(url.port) for _ in range(50)]  # what is made once is made
        before = process.memory_info().rss
        begun = time.monotonic()
        while len(held) < CLIENTS:
            held += await asyncio.gather(*(listen(url.port) for _ in range(min(AT_ONCE, CLIENTS - len(held)))))
        seconds = time.monotonic() - begun
        each = (process.memory_info().rss - before) / CLIENTS

        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            times = []
            for _ in range(20):
                asked = time.monotonic()
                assert (await http.get("/health")).status_code == 200
                times.append(time.monotonic() - asked)
        usual = sorted(times)[len(times) // 2]
        print(f"{len(held)} streams in {seconds:.1f} s, {each / 1024:.1f} KiB each, /health {1000 * usual:.1f} ms")
        assert len(held) == CLIENTS
        assert each < MOST_BYTES
        assert usual < SLOWEST_HEALTH_SECONDS

        for _, writer in held:
            writer.transport.abort()

        async def let_go() -> bool:
            return process.num_fds() < 200

        await until(let_go, timeout=60, what="the gateway to let go of who hung up")
        assert gateway.poll() is None
    hermes.cancel()
    await redis.aclose()
