"""Where a stage of training goes on after a kill. No torch."""

import json
import shutil
from pathlib import Path

FOLDER = "checkpoints"
_WRITTEN_LAST = "trainer_state.json"


def last_whole(folder: Path) -> Path | None:
    """The newest checkpoint below `folder` that was written to its end; those that were not are removed."""
    found = sorted((folder / FOLDER).glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in reversed(found):
        try:
            json.loads((path / _WRITTEN_LAST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(path)
        else:
            return path
    return None
