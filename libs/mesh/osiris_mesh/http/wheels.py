"""Files that come in other people's wheels and are served as they are; their packages are never imported."""

from importlib.util import find_spec
from pathlib import Path


def folder(module: str, distribution: str, inside: str) -> Path:
    """The folder `inside` the package `module`.

    Raises:
        ImportError: `distribution`, which brings it, is not installed.
    """
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ImportError(f"expected the package {distribution}, it is not installed")
    return Path(found.origin).parent / inside
