"""A lock on a file that the kernel takes back when its holder dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from osiris_cli.errors import CliError

_POLL_SECONDS = 0.05


class FileLock:
    """An exclusive lock. A child that inherits `fd` keeps it held after its parent is gone.

    Args:
        path: the file; it stays behind, holding the pid of its last owner.
        patience: how long to wait for an owner that is just leaving, seconds.
    """

    def __init__(self, path: Path, patience: float = 0.0) -> None:
        self.path = path
        self._patience = patience
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process holds it."""
        return self._fd is not None

    @property
    def fd(self) -> int:
        """The open file, while the lock is held."""
        if self._fd is None:
            raise RuntimeError(f"expected {self.path} to be locked, it is not")
        return self._fd

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CliError(f"expected a folder to write in, cannot open {self.path}: {error.strerror}") from error
        give_up = time.monotonic() + self._patience
        while not _try_lock(fd):
            if time.monotonic() >= give_up:
                owner = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
                os.close(fd)
                raise CliError(
                    f"expected nobody at work in {self.path.parent}, but process {owner} is; "
                    "stop it, or choose another folder with --home"
                )
            time.sleep(_POLL_SECONDS)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock on `path` now."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_lock(fd)
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
