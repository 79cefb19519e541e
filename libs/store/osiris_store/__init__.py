"""What Osiris keeps on disk: LanceDB tables written in batches, and JSON-lines logs."""

from osiris_store.jsonl import JsonLines
from osiris_store.reading import read
from osiris_store.tables import Table

__all__ = ["JsonLines", "Table", "read"]
