"""The models of the desk, as a person asks for them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osiris_cli.errors import CliError
from osiris_inference.manifest import MANIFEST
from osiris_inference.model_store import ModelNotFound, ModelStore

ROLES = ("phi3", "hermes")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a role's model."""

    role: str
    version: str
    current: bool
    bytes: int
    folder: Path


def prepare(root: Path, progress: Callable[[str], None]) -> None:
    """Turn the embedded model into one that the engine loads: once, and for every role that has none.

    Raises:
        CliError: it cannot be made.
    """
    store = ModelStore(root)
    try:
        for role in ROLES:
            if current(root, role) is None:
                store.set_current(role, store.embedded(progress))
    except (OSError, ModelNotFound) as error:
        raise CliError(f"cannot make the embedded model in {root}: {error}", 1) from error


def versions(root: Path, role: str) -> list[Version]:
    """The versions of a role's model, oldest name first."""
    now = current(root, role)
    return [
        Version(role, folder.name, folder.resolve() == now, _size(folder), folder)
        for folder in ModelStore(root).versions(role)
    ]


def current(root: Path, role: str) -> Path | None:
    """The folder of the version that the services load; None when there is none."""
    folder = ModelStore(root).current(role)
    return folder if folder is not None and (folder / MANIFEST).is_file() else None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
