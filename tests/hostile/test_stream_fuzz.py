"""Whatever lies in a stream, it is handled or put aside, and everybody lives (hypothesis, over real services)."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.hostile.entries import CONTROLS, GOOD, TICK, entries, extreme, nasty
from tests.support.processes import Process, until

from osiris_contracts import streams
from osiris_mesh import DeadLetters
from osiris_mesh.connection import connect
from osiris_mesh.envelope import MAX_ENTRY_BYTES
from osiris_mesh.groups import state_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = 600
FAKE = "tests.chaos.history.model"


@pytest.fixture
async def desk(redis_url: str, repository: Path, tmp_path: Path) -> AsyncIterator[dict[str, Process]]:
    """Every service as a process of its own; the models are fakes that answer at once."""
    running = {
        "gateway": Process("gateway", redis_url, tmp_path),
        "hermes": Process("hermes", redis_url, tmp_path, "hermes", module=FAKE, PYTHONPATH=str(repository)),
        "phi3": Process("phi3", redis_url, tmp_path, "phi3", module=FAKE, PYTHONPATH=str(repository)),
        "orchestrator": Process("orchestrator", redis_url, tmp_path),
        "sim": Process("sim", redis_url, tmp_path, "--loop", "--speed", "1x"),
        "trainer": Process("trainer", redis_url, tmp_path),
        "tts": Process("tts", redis_url, tmp_path),
        "azr_planner": Process("azr_planner", redis_url, tmp_path),
        "dgm": Process("dgm", redis_url, tmp_path),
    }
    async with AsyncExitStack() as stack:
        for process in running.values():
            stack.enter_context(process)
        for process in running.values():
            await process.ready()
        yield running


def examples() -> list[tuple[str, dict[bytes, bytes]]]:
    """EXAMPLES entries of all streams, the same in every run."""
    found: list[tuple[str, dict[bytes, bytes]]] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of([entries(stream) for stream in GOOD]))
    def collect(entry: tuple[str, dict[bytes, bytes]]) -> None:
        found.append(entry)

    collect()
    return found


async def test_any_bytes_in_any_field_are_handled_or_put_aside(desk: dict[str, Process], redis_url: str) -> None:
    redis = connect(redis_url)
    sent = examples() + [(stream, fields) for stream in GOOD for fields in nasty(stream)]
    sent += [(stream, {b"data": json.dumps(message).encode()}) for stream, message in extreme()]
    for control in CONTROLS:
        sent += [(control, fields) for _, fields in sent[::20]]
    for stream, fields in sent:
        await redis.xadd(stream, fields)
    # a good bar behind all of it: the desk got past the rest
    last = await redis.xadd(streams.MARKET_TICKS, {"data": json.dumps(TICK | {"symbol": "LAST"})})

    async def all_settled() -> bool:
        for process in desk.values():
            assert process.poll() is None, process.log()[-3_000:]
        return not [stream for stream in GOOD if await left(redis, stream)]

    await until(all_settled, timeout=150, what="every stream to be settled")
    (group,) = await redis.xinfo_groups(streams.MARKET_TICKS)
    assert group["last-delivered-id"] >= last
    for process in desk.values():
        await process.ready(timeout=60)
    await told_why(redis)
    await redis.aclose()


async def told_why(redis: Any) -> None:
    """Every stream has its dead letters, each small and with a reason; what was too large is said to be cut."""
    letters = DeadLetters(redis)
    for stream in {streams.base(name) for name in GOOD}:
        found = await letters.list(stream, count=10_000)
        assert len(found) > 20, stream
        assert all(len(letter.reason) > 10 for letter in found)
        cut = [letter.cut for letter in found if letter.cut]
        assert len(cut) >= 3, stream
        for letter in found:
            size = sum(map(len, letter.fields)) + sum(map(len, letter.fields.values()))
            assert size < (100_000 if letter.cut else 4 * MAX_ENTRY_BYTES)


async def left(redis: Any, stream: str) -> int:
    """Entries of `stream` that somebody has not finished."""
    return sum(group.left for group in (await state_of(redis, stream, 0)).groups)
