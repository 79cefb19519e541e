"""Pointers to version folders: small files beside them, each with the relative path of a folder."""

import os
from pathlib import Path

from osiris_versions.durable import write_file

CURRENT = "current"
PREVIOUS = "previous"


class NoVersion(LookupError):
    """There is no version where one was expected."""


class Pointers:
    """The pointers in one folder.

    Args:
        place: the folder, made when missing.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    def get(self, name: str) -> Path | None:
        """The folder that the pointer names, which may be gone; None without one. A symbolic link does as well."""
        pointer = self._place / name
        if pointer.is_dir():
            return pointer.resolve()
        if not pointer.exists():
            return None
        return (pointer.parent / pointer.read_text(encoding="utf-8").strip()).resolve()

    def set(self, name: str, folder: Path) -> None:
        """Point to `folder`; readers see the old pointer or the new one, also after a power cut.

        Raises:
            NoVersion: there is no such folder.
        """
        if not folder.is_dir():
            raise NoVersion(f"expected a version folder at {folder}, there is none")
        write_file(self._place / name, os.path.relpath(folder.resolve(), self._place.resolve()) + "\n")

    def clear(self, name: str) -> None:
        """Take the pointer away; nothing when there is none."""
        (self._place / name).unlink(missing_ok=True)

    def use(self, folder: Path) -> None:
        """Let `current` name `folder`, and `previous` what it named before.

        Raises:
            NoVersion: there is no such folder.
        """
        if not folder.is_dir():
            raise NoVersion(f"expected a version folder at {folder}, there is none")
        before = self.get(CURRENT)
        if before is not None and before.is_dir() and before != folder.resolve():
            self.set(PREVIOUS, before)
        self.set(CURRENT, folder)

    def rollback(self) -> Path:
        """Let `current` name what it named before; a second time, the later one again. Returns the folder.

        Raises:
            NoVersion: there was none before, or it is gone.
        """
        folder = self.get(PREVIOUS)
        if folder is None:
            raise NoVersion("expected a version that was used before the current one, there was none")
        self.use(folder)
        return folder
