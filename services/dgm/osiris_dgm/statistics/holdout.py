"""The sealed hold-out: bars that answer only better or worse, and only so often."""

from pathlib import Path

from pydantic import BaseModel, Field

from osiris_dgm.archive.files import read_model
from osiris_versions.durable import write_file


class HoldoutSpent(Exception):
    """Every query that was allowed has been asked: the bars have to be renewed."""


class _Queries(BaseModel):
    asked: dict[str, int] = Field(default={}, description="Queries so far, by the digest of the sealed bars.")


class Holdout:
    """Counts the queries of the hold-out on disk, before they are answered: a kill cannot win one back.

    Args:
        path: of the counter.
        digest: of the sealed bars; other bars have queries of their own.
        limit: queries allowed.
    """

    def __init__(self, path: Path, digest: str, limit: int) -> None:
        self._path, self._digest, self._limit = path, digest, limit

    @property
    def asked(self) -> int:
        """Queries so far."""
        return (read_model(self._path, _Queries) or _Queries()).asked.get(self._digest, 0)

    def spend(self) -> int:
        """Count one query; returns how many were asked with it.

        Raises:
            HoldoutSpent: there is none left.
        """
        queries = read_model(self._path, _Queries) or _Queries()
        asked = queries.asked.get(self._digest, 0)
        if asked >= self._limit:
            raise HoldoutSpent(f"expected at most {self._limit} queries of the hold-out, all are spent; give new bars")
        write_file(self._path, _Queries(asked={**queries.asked, self._digest: asked + 1}).model_dump_json())
        return asked + 1
