"""What happened, in order: one JSON line an event, written as it happens, so that a failing run can be read again."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        at: seconds since the run began.
        kind: `invoke`, `ack`, `abandon` (of a work); `nemesis`, `ended`, `flushed`, `redis_restarted`; `refused` (an
            HTTP status a client should never see); `healed` or `unhealed`; `final`.
        facts: what is known of it.
    """

    at: float
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


class History:
    """An append-only file of events. Use it as a context manager.

    Attributes:
        counts: events by kind, those of the nemesis by what it did.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._began = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def record(self, kind: str, **facts: Any) -> None:
        """Append an event."""
        self.counts[facts.get("op", kind)] += 1
        json.dump({"at": round(self.now(), 4), "kind": kind, **facts}, self._file, separators=(",", ":"))
        self._file.write("\n")
        self._file.flush()


def read(path: Path) -> Iterator[Event]:
    """The events of a saved history."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            facts = json.loads(line)
            yield Event(facts.pop("at"), facts.pop("kind"), facts)
