"""Files and folders that are there whole or not at all, also after a kill or a power cut."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def settle(folder: Path, *, deep: bool = True) -> None:
    """Let the disk have a folder's entries, and with `deep` all that is in it (fsync(2))."""
    for path in [*(folder.rglob("*") if deep else ()), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_file(path: Path, text: str) -> None:
    """Put `text` at `path`: readers see the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)
    settle(path.parent, deep=False)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` with these files, by name; one that is there already stays as it is."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, content in files.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        settle(draft)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # somebody else put it there meanwhile
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    settle(folder.parent, deep=False)
