"""LanceDB tables: rows come in batches, each row once."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import lancedb
import pyarrow as pa

from osiris_store.leftovers import sweep
from osiris_store.migration import add_missing_columns

KEY = "id"
_PAUSES = (0.1, 0.2, 0.4, 0.8)  # seconds between attempts to commit
# Lance checks two writers for the same key only when the column says that it is one; else both insert the row.
_PRIMARY_KEY = {b"lance-schema:unenforced-primary-key": b"true"}


class Table:
    """A table whose rows are written once each, under their `id`. Several processes may write at a time.

    `open` is the way to make one.
    """

    def __init__(self, table: Any, folder: Path | None, schema: pa.Schema, compact_every: int, keep: timedelta) -> None:
        self._table = table
        self._folder = folder
        self._schema = schema
        self._compact_every = compact_every
        self._keep = keep
        self._writes = 0
        self._writing = asyncio.Lock()  # two commits at once would only make each other try again

    @classmethod
    async def open(
        cls,
        location: Path | str,
        name: str,
        schema: pa.Schema,
        *,
        compact_every: int = 50,
        keep: timedelta = timedelta(minutes=1),
        older: Mapping[str, str] | None = None,
    ) -> Self:
        """The table `name` in `location`; made when it is missing, given new columns when it is of an earlier schema.

        Args:
            location: a folder, or the URI of an object store.
            schema: of the rows; must have a string column `id`.
            compact_every: writes between two compactions.
            keep: how long replaced versions stay, for those who still read them or want to go back.
            older: what rows of an earlier schema have in a new text column; null in those not named.

        Raises:
            ValueError: no string column `id`, or a table with a column of another type, or one more, lies there.
        """
        if KEY not in schema.names or schema.field(KEY).type != pa.string():
            raise ValueError(f"expected a schema with a string column {KEY!r}, was {schema.names}")
        uri = uri_of(location)
        # an interval of zero: a handle sees what others wrote, so it neither doubles rows nor reads deleted files
        connection = await lancedb.connect_async(uri, read_consistency_interval=timedelta(0))
        keyed = schema.set(
            schema.get_field_index(KEY), pa.field(KEY, pa.string(), nullable=False, metadata=_PRIMARY_KEY)
        )
        try:
            table = await connection.open_table(name)
        except ValueError:
            table = await connection.create_table(name, schema=keyed, exist_ok=True)
        try:
            await add_missing_columns(table, keyed, older or {})
        except ValueError as error:
            raise ValueError(
                f"expected table {name!r} in {uri} to have the columns {_columns(keyed)}: {error}; "
                "move the folder away or migrate it"
            ) from error
        folder = None if "://" in uri else Path(uri) / f"{name}.lance"
        opened = cls(table, folder, keyed, compact_every, keep)
        await opened.sweep()
        return opened

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Append the rows whose `id` is not in the table yet; the others stay as they were first written.

        Costs one commit: gather rows into batches. Compacts every `compact_every` writes.

        Returns:
            How many rows were new.

        Raises:
            ValueError: a row has other columns or types than the schema, or an `id` that is no text.
        """
        columns = set(self._schema.names)
        once: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            if row.keys() != columns:
                raise ValueError(f"expected a row with {sorted(columns)}, was {sorted(row)}")
            if not isinstance(row[KEY], str):
                raise ValueError(f"expected a text {KEY!r}, was {row[KEY]!r}")
            once.setdefault(row[KEY], row)
        if not once:
            return 0
        try:
            batch = pa.Table.from_pylist(list(once.values()), schema=self._schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"expected values of {_columns(self._schema)}: {error}") from error
        async with self._writing:
            inserted = await self._insert(batch)
            self._writes += 1
            if self._writes % self._compact_every == 0:
                await self._compact()
        return inserted

    async def compact(self) -> None:
        """Merge small files, drop versions older than `keep`, and what killed writers left."""
        async with self._writing:
            await self._compact()
        await self.sweep()

    async def sweep(self) -> int:
        """Remove what killed writers left; returns how many files went."""
        return 0 if self._folder is None else await asyncio.to_thread(sweep, self._folder, time.time())

    async def _compact(self) -> None:
        try:
            await self._table.optimize(cleanup_older_than=self._keep)
        except RuntimeError as error:
            if "commit conflict" not in str(error):
                raise
            # somebody else compacted at the same time, which is as good

    async def rows(self, where: str | None = None) -> list[dict[str, Any]]:
        """The rows, or those that the SQL condition `where` selects; in no particular order."""
        query = self._table.query()
        found: list[dict[str, Any]] = await (query.where(where) if where else query).to_list()
        return found

    async def count(self) -> int:
        """How many rows there are."""
        rows: int = await self._table.count_rows()
        return rows

    async def _insert(self, batch: pa.Table) -> int:
        merge = self._table.merge_insert(KEY).when_not_matched_insert_all()
        for pause in _PAUSES:
            try:
                return int((await merge.execute(batch)).num_inserted_rows)
            except RuntimeError:  # Lance settles most conflicts itself; a row goes in once, so trying again is safe
                await asyncio.sleep(pause)
        return int((await merge.execute(batch)).num_inserted_rows)


def uri_of(location: Path | str) -> str:
    """A location as LanceDB takes it."""
    # absolute, because LanceDB takes a relative path that begins with "db" for its cloud
    return str(location) if "://" in str(location) else str(Path(location).absolute())


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
