"""What a killed writer leaves behind: LanceDB never removes its half-written temporary files."""

import contextlib
from pathlib import Path

AGE_SECONDS = 3_600
"""A younger one may still be written."""


def sweep(folder: Path, now: float, age_seconds: float = AGE_SECONDS) -> int:
    """Remove the temporary files below `folder` that are older than `age_seconds`; returns how many went.

    Args:
        now: unix time, seconds.
    """
    gone = 0
    for path in folder.rglob(".tmp*"):
        with contextlib.suppress(FileNotFoundError):  # its writer finished
            if path.is_file() and now - path.stat().st_mtime > age_seconds:
                path.unlink()
                gone += 1
    return gone
