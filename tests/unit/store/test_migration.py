"""A table of an earlier version: its rows stay, its new columns come in one commit, whoever is killed meanwhile."""

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest

from osiris_store import Table, read
from osiris_store.leftovers import sweep

OLD = pa.schema([("id", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("score", pa.float64())])
NEW = pa.schema(
    [
        *OLD,
        ("rating", pa.float64()),
        ("count", pa.int64()),
        ("good", pa.bool_()),
        ("seen_at", pa.timestamp("us", tz="UTC")),
        ("prompt", pa.string()),
        pa.field("schema_version", pa.string(), nullable=False),
    ]
)
OLDER = {"schema_version": "1.0"}
ADDED = {"rating": None, "count": None, "good": None, "seen_at": None, "prompt": None}


def row(number: int) -> dict[str, Any]:
    return {"id": f"run-{number}", "at": datetime(2024, 1, 2, tzinfo=UTC), "score": 1.0}


async def test_rows_of_the_earlier_version_stay_and_new_ones_have_the_new_columns(tmp_path: Path) -> None:
    await (await Table.open(tmp_path, "runs", OLD)).write([row(1)])
    table = await Table.open(tmp_path, "runs", NEW, older=OLDER)
    new = {**row(2), **ADDED, "rating": -1.0, "schema_version": "1.1"}
    assert await table.write([{**row(1), **ADDED, "schema_version": "1.1"}, new]) == 1
    assert sorted(await table.rows(), key=lambda each: each["id"]) == [
        {**row(1), **ADDED, "schema_version": "1.0"},
        new,
    ]
    again = await Table.open(tmp_path, "runs", NEW, older=OLDER)
    assert await again.count() == 2


async def test_a_reader_sees_a_table_of_any_version_and_makes_none(tmp_path: Path) -> None:
    assert await read(tmp_path / "none", "runs") == []
    assert not (tmp_path / "none").exists()
    await (await Table.open(tmp_path, "runs", OLD)).write([row(1), row(2)])
    assert await read(tmp_path, "runs", "id = 'run-2'") == [row(2)]


MIGRATOR = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from osiris_store import Table
from test_migration import NEW, OLDER

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(Table.open(Path({folder!r}), "runs", NEW, older=OLDER))
"""


async def test_a_migration_that_is_killed_loses_nothing_and_is_done_by_the_next(tmp_path: Path) -> None:
    rows = 20_000
    await (await Table.open(tmp_path, "runs", OLD)).write([row(number) for number in range(rows)])
    code = MIGRATOR.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    for milliseconds in (0, 5, 20, 60):
        pipe = asyncio.subprocess.PIPE
        migrator = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe)
        assert migrator.stdout is not None
        assert migrator.stdin is not None
        await migrator.stdout.readline()
        migrator.stdin.write(b"go\n")
        await migrator.stdin.drain()
        time.sleep(milliseconds / 1000)  # noqa: ASYNC251  # the moment of the kill
        migrator.send_signal(signal.SIGKILL)
        await migrator.wait()
        connection = await lancedb.connect_async(str(tmp_path))
        table = await connection.open_table("runs")
        assert await table.count_rows() == rows
        assert len((await table.schema()).names) in (len(OLD), len(NEW))  # all of the new columns, or none
    done = await Table.open(tmp_path, "runs", NEW, older=OLDER)
    assert await done.count() == rows
    assert len(await done.rows("schema_version = '1.0' AND rating IS NULL")) == rows


async def test_what_a_killed_writer_left_is_swept_when_nobody_can_still_write_it(tmp_path: Path) -> None:
    await Table.open(tmp_path, "runs", OLD)
    old, young = (tmp_path / "runs.lance" / "data" / name for name in (".tmpA1", ".tmpB2"))
    old.parent.mkdir(exist_ok=True)
    for path in (old, young):
        path.write_bytes(b"half")
    an_hour_ago = time.time() - timedelta(hours=2).total_seconds()
    os.utime(old, (an_hour_ago, an_hour_ago))
    await Table.open(tmp_path, "runs", OLD)
    assert (old.exists(), young.exists()) == (False, True)
    assert sweep(tmp_path, time.time() + 7_200) == 1


async def test_a_column_of_another_type_is_no_earlier_version(tmp_path: Path) -> None:
    await Table.open(tmp_path, "runs", OLD)
    with pytest.raises(ValueError, match="its column score is double, expected string"):
        await Table.open(tmp_path, "runs", NEW.set(2, pa.field("score", pa.string())), older=OLDER)
