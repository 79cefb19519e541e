"""Reading tables that somebody else writes: nothing is made, moved or migrated."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb

from osiris_store.tables import uri_of


async def read(
    location: Path | str, name: str, where: str | None = None, *, columns: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The rows of table `name`, or those that the SQL condition `where` selects; none when there is no such table.

    With `columns`, these alone are read.

    A table of an earlier schema gives rows with fewer columns.
    """
    if "://" not in str(location) and not (Path(location) / f"{name}.lance").is_dir():
        return []  # LanceDB would make the folder
    connection = await lancedb.connect_async(uri_of(location), read_consistency_interval=timedelta(0))
    table = await connection.open_table(name)
    query = table.query()
    query = query.select(list(columns)) if columns else query
    found: list[dict[str, Any]] = await (query.where(where) if where else query).to_list()
    return found
