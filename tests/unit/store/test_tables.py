"""LanceDB tables, on a real disk."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from osiris_store import Table

SCHEMA = pa.schema([("id", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("score", pa.float64())])


def row(number: int, score: float | None = 1.0) -> dict[str, Any]:
    return {"id": f"run-{number}", "at": datetime(2024, 1, 2, tzinfo=UTC), "score": score}


def files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


@pytest.mark.filterwarnings("ignore:optimize")
async def test_a_thousand_rows_in_batches_end_in_a_handful_of_files(tmp_path: Path) -> None:
    table = await Table.open(tmp_path, "runs", SCHEMA, compact_every=10, keep=timedelta(0))
    for start in range(0, 1000, 100):
        assert await table.write([row(number) for number in range(start, start + 100)]) == 100
    assert await table.count() == 1000
    assert files(tmp_path) <= 6

    for start in range(0, 1000, 100):
        assert await table.write([row(number) for number in range(start, start + 100)]) == 0
    assert await table.count() == 1000
    assert files(tmp_path) <= 6


async def test_replaced_files_stay_for_readers_until_their_time_has_passed(tmp_path: Path) -> None:
    table = await Table.open(tmp_path, "runs", SCHEMA, keep=timedelta(hours=1))
    for number in range(5):
        await table.write([row(number)])
    before = files(tmp_path)
    await table.compact()
    assert files(tmp_path) > before  # the merged file came, the small ones stayed


async def test_a_row_stays_as_it_was_first_written(tmp_path: Path) -> None:
    table = await Table.open(tmp_path, "runs", SCHEMA)
    assert await table.write([row(1, score=7.5), row(1, score=2.0)]) == 1
    assert await table.write([row(1, score=3.0), row(2, score=None)]) == 1
    assert {found["id"]: found["score"] for found in await table.rows()} == {"run-1": 7.5, "run-2": None}
    assert await table.rows("score > 7") == [row(1, score=7.5)]


async def test_rows_outlive_the_process(tmp_path: Path) -> None:
    await (await Table.open(tmp_path, "runs", SCHEMA)).write([row(1)])
    again = await Table.open(tmp_path, "runs", SCHEMA)
    assert await again.write([row(1), row(2)]) == 1
    assert await again.count() == 2


async def test_two_handles_writing_the_same_rows_at_once_write_each_row_once(tmp_path: Path) -> None:
    one, other = [await Table.open(tmp_path, "runs", SCHEMA) for _ in range(2)]
    for start in range(0, 50, 10):
        batch = [row(number) for number in range(start, start + 10)]
        await asyncio.gather(one.write(batch), other.write(batch))
    assert await one.count() == await other.count() == 50


WRITER = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from osiris_store import Table
from test_tables import SCHEMA, row

async def main():
    table = await Table.open(Path({folder!r}), "runs", SCHEMA, compact_every=3)
    for start in range(0, 100, 10):
        await table.write([row(number) for number in range(start, start + 10)])

asyncio.run(main())
"""


async def test_two_processes_may_write_and_compact_at_once(tmp_path: Path) -> None:
    code = WRITER.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    writers = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(2)]
    assert await asyncio.gather(*(writer.wait() for writer in writers)) == [0, 0]
    assert await (await Table.open(tmp_path, "runs", SCHEMA)).count() == 100


async def test_a_row_with_other_columns_is_refused(tmp_path: Path) -> None:
    table = await Table.open(tmp_path, "runs", SCHEMA)
    with pytest.raises(ValueError, match=r"expected a row with \['at', 'id', 'score'\], was \['id'\]"):
        await table.write([{"id": "run-1"}])
    with pytest.raises(ValueError, match="expected values of id string"):
        await table.write([{**row(1), "score": "high"}])
    with pytest.raises(ValueError, match="expected a text 'id'"):
        await table.write([{**row(1), "id": None}])
    assert await table.count() == 0


async def test_a_table_with_another_schema_is_refused(tmp_path: Path) -> None:
    await Table.open(tmp_path, "runs", SCHEMA)
    other_type = SCHEMA.set(2, pa.field("score", pa.string()))
    for other in (other_type, SCHEMA.remove(2)):
        with pytest.raises(ValueError, match="expected table 'runs'"):
            await Table.open(tmp_path, "runs", other)
    with pytest.raises(ValueError, match="expected a schema with a string column 'id'"):
        await Table.open(tmp_path, "other", pa.schema([("key", pa.string())]))


async def test_a_relative_folder_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await Table.open("db", "runs", SCHEMA)
    assert (tmp_path / "db" / "runs.lance").is_dir()
