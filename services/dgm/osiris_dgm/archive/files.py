"""Files that the kernel wrote, read back."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class FileDamaged(ValueError):
    """A file of the kernel that somebody else has touched."""


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
