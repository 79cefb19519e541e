"""JSON-lines logs: appended in batches, each line once, whole after a crash."""

import asyncio
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self


class JsonLines:
    """An append-only file of JSON objects, each written once under its `id`.

    One process writes at a time. Opening the file repairs what a crash left: a torn last line is cut off (its writer
    was never told that it was stored).

    Args:
        path: the file; made, with its folder, when missing.
        remember: how many of the last ids are known, so that a line that comes again is left out.
        tail_bytes: how much of the end of the file is read for these ids on opening.

    Raises:
        BlockingIOError: another process writes the file.
    """

    def __init__(self, path: Path, *, remember: int = 100_000, tail_bytes: int = 64 * 1024 * 1024) -> None:
        self.path = path
        self._remember = remember
        self._writing = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("a+b", buffering=0)
        try:
            _lock(self._file, path)
            self._ids = dict.fromkeys(_ids(_repaired_tail(self._file, tail_bytes)))
        except BaseException:
            self._file.close()
            raise
        self._forget()

    async def append(self, lines: Sequence[Mapping[str, Any]]) -> int:
        """Write the lines whose `id` was not written yet, and wait until they are on the disk.

        Returns:
            How many were new.

        Raises:
            ValueError: a line without a text `id`, or holding NaN or an infinity.
            OSError: the disk refused; nothing of the batch was written.
        """
        return await asyncio.to_thread(self._append, lines)

    def close(self) -> None:
        """Let another process write."""
        with self._writing:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, lines: Sequence[Mapping[str, Any]]) -> int:
        with self._writing:
            fresh: dict[str, str] = {}
            for line in lines:
                key = line.get("id")
                if not isinstance(key, str):
                    raise ValueError(f"expected a line with a text 'id', was {key!r}")
                if key not in self._ids and key not in fresh:
                    fresh[key] = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
            if fresh:
                self._write("".join(fresh.values()).encode())
                self._ids.update(dict.fromkeys(fresh))
                self._forget()
            return len(fresh)

    def _write(self, data: bytes) -> None:
        size = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(size)
            raise

    def _forget(self) -> None:
        while len(self._ids) > self._remember:
            del self._ids[next(iter(self._ids))]


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(f"expected nobody else to write {path}, but a process does; stop it first") from error


def _repaired_tail(file: BinaryIO, size: int) -> list[bytes]:
    """The whole lines in the last `size` bytes; the file ends in a whole line afterwards."""
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - size))
    *lines, last = file.read().split(b"\n")
    if start and not lines:
        return _repaired_tail(file, end)  # one line longer than that
    if last and _id(last) is not None:
        lines.append(last)
        file.write(b"\n")
    elif last:
        file.truncate(end - len(last))
    return lines[1:] if start else lines


def _ids(lines: Iterable[bytes]) -> Iterable[str]:
    return (key for line in lines if (key := _id(line)) is not None)


def _id(line: bytes) -> str | None:
    """The id of a line; None when it is no line of ours."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    key = value.get("id") if isinstance(value, dict) else None
    return key if isinstance(key, str) else None
