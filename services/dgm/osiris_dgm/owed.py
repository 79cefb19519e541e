"""What a kernel still has to do when it is killed: generations for traces it acknowledged, and outcomes to tell."""

from pathlib import Path

from pydantic import BaseModel, Field

from osiris_dgm.archive.files import read_model
from osiris_versions.durable import write_file


class _Debts(BaseModel):
    traces: int = Field(default=0, ge=0, description="Taken in since the last generation.")
    told: int = Field(default=0, ge=0, description="Number of the last try that the planner was told of.")


class Owed:
    """Debts on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def count(self) -> int:
        """Traces since the last generation."""
        return self._read().traces

    @property
    def told(self) -> int:
        """Number of the last try that was told of."""
        return self._read().told

    def add(self, traces: int) -> None:
        """More traces."""
        debts = self._read()
        self._write(debts.model_copy(update={"traces": debts.traces + traces}))

    def clear(self) -> None:
        """A generation was done for them."""
        self._write(self._read().model_copy(update={"traces": 0}))

    def tell(self, number: int) -> None:
        """A try was told of."""
        self._write(self._read().model_copy(update={"told": number}))

    def _read(self) -> _Debts:
        return read_model(self._path, _Debts) or _Debts()

    def _write(self, debts: _Debts) -> None:
        write_file(self._path, debts.model_dump_json())
