"""A night's folder: one folder a step, which appears when the step is complete, so that a killed night goes on."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from osiris_versions.durable import settle, write_file

STARTED = "started.json"
KEPT = ("dataset", "sft", "dpo", "parity", "judged")
"""Steps whose results stay when the night has ended; the others are weights."""


class Work:
    """What a night has done so far.

    Args:
        folder: of this night; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def started_at(self, now: datetime) -> datetime:
        """When the night first began; a night that goes on began before `now`."""
        path = self.folder / STARTED
        if not path.is_file():
            write_file(path, json.dumps({"started_at": now.isoformat()}))
        return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["started_at"])

    def step(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of a step, made now unless it was.

        Args:
            make: writes into the folder it is given, in which a killed attempt may have left something.
        """
        done = self.folder / name
        if not done.is_dir():
            draft = self.folder / f".{name}"
            draft.mkdir(exist_ok=True)
            make(draft)
            settle(draft)
            draft.rename(done)
        return done

    def tidy(self) -> None:
        """Remove what nobody needs after the end: weights, and half-written steps."""
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in KEPT:
                shutil.rmtree(path, ignore_errors=True)


def bound(nights: Path, kept: int, current: Path) -> None:
    """Keep the folders of the newest `kept` nights; of those, none but `current` keeps weights."""
    others = [path for path in nights.iterdir() if path.is_dir() and path != current and not path.name.startswith(".")]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[: max(0, kept - 1)]:
        Work(path).tidy()
    for path in others[max(0, kept - 1) :]:
        shutil.rmtree(path, ignore_errors=True)
