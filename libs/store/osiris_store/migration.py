"""Tables of an earlier schema get the columns they lack in one commit: a reader or a crash sees all, or none."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

_ARROW_NAMES = {
    pa.string(): "Utf8",
    pa.float64(): "Float64",
    pa.int64(): "Int64",
    pa.bool_(): "Boolean",
    pa.timestamp("us", tz="UTC"): 'Timestamp(Microsecond, Some("UTC"))',
}


async def add_missing_columns(table: Any, schema: pa.Schema, older: Mapping[str, str]) -> bool:
    """Give `table` the columns of `schema` that it lacks; the rows that lie there stay as they are.

    Args:
        table: of LanceDB.
        older: what older rows have in a text column that must hold something; null in every other.

    Returns:
        Whether any was missing.

    Raises:
        ValueError: the table has a column of another type, or one that `schema` does not know.
    """
    there = await table.schema()
    wanted = {field.name: field.type for field in schema}
    for field in there:
        if wanted.get(field.name) != field.type:
            raise ValueError(f"its column {field.name} is {field.type}, expected {wanted.get(field.name, 'none')}")
    missing = [field for field in schema if field.name not in there.names]
    if missing:
        await table.add_columns({field.name: _of_older_rows(field, older) for field in missing})
    return bool(missing)


def _of_older_rows(field: pa.Field, older: Mapping[str, str]) -> str:
    if field.name in older:
        text = older[field.name].replace("'", "''")
        return f"'{text}'"
    return f"arrow_cast(NULL, '{_ARROW_NAMES[field.type]}')"
