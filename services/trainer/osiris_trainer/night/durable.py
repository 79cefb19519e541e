"""What a power cut must not take back."""

import os
from pathlib import Path


def settle(folder: Path, *, deep: bool = True) -> None:
    """Let the disk have a folder's entries, and with `deep` all that is in it (fsync(2))."""
    for path in [*(folder.rglob("*") if deep else ()), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
