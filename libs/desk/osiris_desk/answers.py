"""Recorded answers of the models: JSON lines, each keyed by what was asked."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_core import to_json

from osiris_contracts import Contract, ErrorReply, GenerateRequest, GenerateResult, ModelId

MOST_LINE_BYTES = 4 * 1024 * 1024


class RecordingUnreadable(ValueError):
    """A file that is no recording, in one line for whoever named it."""


class RecordedAnswer(Contract):
    """A line of a recording."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seed: int | None
    model: ModelId
    reply: GenerateResult


class Recording:
    """The answers of a file, by what was asked.

    Args:
        name: of the file, for what is said of an answer that it lacks.
        answers: in the order in which they were recorded.
    """

    def __init__(self, name: str, answers: Iterable[RecordedAnswer]) -> None:
        self._name = name
        self._answers: dict[str, dict[int | None, GenerateResult]] = {}
        for each in answers:
            self._answers.setdefault(each.key, {}).setdefault(each.seed, each.reply)

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def find(self, model: ModelId, request: GenerateRequest) -> GenerateResult | None:
        """What `model` answered: with the same seed, else the first time; None when it was never asked that."""
        known = self._answers.get(key_of(model, request), {})
        return known.get(request.seed) or next(iter(known.values()), None)

    def answer(self, model: ModelId, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """What `model` answered, or that nothing is recorded."""
        return self.find(model, request) or ErrorReply(
            code="model_not_loaded", message=f"expected an answer to this request in {self._name}, it has none"
        )


class Recorder:
    """Writes answers to a file as they come, behind what is there; each is on disk when `add` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        if self._file.tell() and not _ends_a_line(path):  # of a writer that was killed
            self._file.write(b"\n")

    def add(self, model: ModelId, request: GenerateRequest, reply: GenerateResult) -> None:
        """Record an answer."""
        line = RecordedAnswer(key=key_of(model, request), seed=request.seed, model=model, reply=reply)
        self._file.write(line.model_dump_json().encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def key_of(model: ModelId, request: GenerateRequest) -> str:
    """What names a question: the model and all of the request but the seed and whether its answer is streamed.

    The seed follows from the ids of the runs before, and so from the policy's version: with it, no policy could be
    tried on the answers another one was given.
    """
    asked = to_json(request, exclude={"seed", "stream"})
    return hashlib.sha256(model.encode() + b"\n" + asked).hexdigest()


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingUnreadable: there is none at `path`, or a line is no recorded answer.
    """
    answers = []
    for number, line in _lines(path):
        try:
            answers.append(RecordedAnswer.model_validate_json(line))
        except ValidationError as error:
            raise RecordingUnreadable(
                f"expected a recorded answer in line {number} of {path}: {error.errors()[0]['msg']}"
            ) from None
    return Recording(path.name, answers)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Its lines, but for a last one that a killed writer left unfinished, and empty ones."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MOST_LINE_BYTES):
                number += 1
                if len(line) == MOST_LINE_BYTES:
                    raise RecordingUnreadable(f"expected lines of less than {MOST_LINE_BYTES} bytes in {path}")
                if line.endswith(b"\n") and line.strip():
                    yield number, line
    except OSError as error:
        raise RecordingUnreadable(f"expected a recording at {path}: {error.strerror}") from None


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
