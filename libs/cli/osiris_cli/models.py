"""The model folders on disk: `<root>/<role>/<version>/`, and `<root>/<role>/current` that points to one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osiris_cli.errors import CliError

ROLES = ("phi3", "hermes")
MANIFEST = "manifest.json"
_CURRENT = "current"


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
    if all(current(root, role) for role in ROLES):
        return
    from osiris_inference.model_store import ensure_embedded

    try:
        ensure_embedded(root, progress)
    except OSError as error:
        raise CliError(f"cannot make the embedded model in {root}: {error}", 1) from error


def versions(root: Path, role: str) -> list[Version]:
    """The versions of a role's model, oldest name first."""
    now = current(root, role)
    return [
        Version(role, folder.name, folder.name == now, _size(folder), folder)
        for folder in sorted((root / role).glob("*/"))
        if (folder / MANIFEST).is_file() and folder.name != _CURRENT
    ]


def current(root: Path, role: str) -> str | None:
    """The version that the services load; None when there is none."""
    pointer = root / role / _CURRENT
    if pointer.is_symlink():
        name = pointer.readlink().name
    elif pointer.is_file():
        name = pointer.read_text(encoding="utf-8").strip()
    else:
        return None
    return name if (root / role / name / MANIFEST).is_file() else None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
