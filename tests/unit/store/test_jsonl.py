"""JSON-lines logs, on a real disk."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osiris_store import JsonLines


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_a_line_that_comes_again_is_left_out_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "feedback.jsonl"
    with JsonLines(path) as log:
        assert await log.append([{"id": "a", "text": "schön"}, {"id": "b"}, {"id": "a"}]) == 2
        assert await log.append([{"id": "b"}]) == 0
    with JsonLines(path) as log:
        assert await log.append([{"id": "a"}, {"id": "c"}]) == 1
    assert read(path) == [{"id": "a", "text": "schön"}, {"id": "b"}, {"id": "c"}]


@given(torn_at=st.integers(min_value=0, max_value=80))
async def test_wherever_a_crash_tears_the_file_it_is_whole_again(
    torn_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("torn") / "log.jsonl"
    lines = [{"id": str(number), "text": "ä\n{"} for number in range(3)]
    with JsonLines(path) as log:
        await log.append(lines)
    path.write_bytes(path.read_bytes()[:torn_at])
    with JsonLines(path) as log:
        await log.append(lines)
    assert read(path) == lines


async def test_only_the_torn_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"id":"a"}\n{"id":"b","te', encoding="utf-8")
    with JsonLines(path) as log:
        assert await log.append([{"id": "a"}, {"id": "b"}]) == 1
    assert path.read_text(encoding="utf-8") == '{"id":"a"}\n{"id":"b"}\n'


async def test_a_whole_line_without_its_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"id":"a"}', encoding="utf-8")
    with JsonLines(path) as log:
        assert await log.append([{"id": "a"}, {"id": "b"}]) == 1
    assert path.read_text(encoding="utf-8") == '{"id":"a"}\n{"id":"b"}\n'


@pytest.mark.parametrize("tail_bytes", [1, 11, 12, 25, 1000])
async def test_the_ids_at_the_tail_are_known_however_little_of_it_is_read(tmp_path: Path, tail_bytes: int) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLines(path) as log:
        await log.append([{"id": f"id-{number}"} for number in range(10)])
    with JsonLines(path, tail_bytes=tail_bytes) as log:
        await log.append([{"id": "id-9"}] if tail_bytes > 25 else [{"id": "new"}])
    assert [line["id"] for line in read(path)][:10] == [f"id-{number}" for number in range(10)]
    assert len(read(path)) == (10 if tail_bytes > 25 else 11)


async def test_only_the_last_ids_are_remembered(tmp_path: Path) -> None:
    with JsonLines(tmp_path / "log.jsonl", remember=2) as log:
        await log.append([{"id": "a"}, {"id": "b"}, {"id": "c"}])
        assert await log.append([{"id": "c"}, {"id": "b"}]) == 0
        assert await log.append([{"id": "a"}]) == 1


async def test_batches_written_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLines(path) as log:
        batch = [{"id": str(number), "text": "x" * 100} for number in range(100)]
        assert sum(await asyncio.gather(*(log.append(batch) for _ in range(5)))) == 100
    assert read(path) == batch


async def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLines(path), pytest.raises(BlockingIOError, match="expected nobody else to write"):
        JsonLines(path)
    JsonLines(path).close()


async def test_what_is_no_line_is_refused_and_nothing_of_its_batch_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLines(path) as log:
        with pytest.raises(ValueError, match="expected a line with a text 'id'"):
            await log.append([{"id": "a"}, {"text": "no id"}])
        with pytest.raises(ValueError, match="Out of range float"):
            await log.append([{"id": "a"}, {"id": "b", "score": float("nan")}])
    assert path.read_bytes() == b""


async def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "log.jsonl"
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with JsonLines(path) as log:
            await log.append([{"id": "a"}])
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
            with pytest.raises(OSError, match="File too large"):
                await log.append([{"id": "b", "text": "x" * 200}])
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            await log.append([{"id": "b"}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read(path) == [{"id": "a"}, {"id": "b"}]
