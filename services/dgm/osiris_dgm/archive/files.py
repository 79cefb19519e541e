"""Files that are there whole or not at all, also after a kill or a power cut."""

import os
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class FileDamaged(ValueError):
    """A file of the kernel that somebody else has touched."""


def write_atomic(path: Path, text: str) -> None:
    """Put `text` at `path`: readers see the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_model(path: Path, model: type[Model]) -> Model | None:
    """What lies at `path`; None when nothing does.

    Raises:
        FileDamaged: it is not what it should be.
    """
    if not path.exists():
        return None
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise FileDamaged(f"expected {path} as the kernel wrote it: {error.errors()[0]['msg']}") from None
