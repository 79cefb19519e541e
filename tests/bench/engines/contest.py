"""What every contestant has in common. Each runs in an environment of its own: only the standard library here."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Job:
    """Prompts to answer at once.

    Attributes:
        prompts: texts, given to the model as they are.
        tokens: of each answer; exactly so many, unless there is a schema.
        schema: the JSON schema of each answer.
    """

    prompts: list[str]
    tokens: int
    schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """What became of them.

    Attributes:
        seconds: for all of it.
        first: seconds to the first token, the mean over the prompts.
        tokens: generated in all.
        texts: the answers.
    """

    seconds: float
    first: float
    tokens: int
    texts: list[str]


Answers = list[tuple[float, int, str]]
"""When the first token came (perf_counter), how many there were, and the text: of every prompt."""


def compete(answer: Callable[[Job], Answers]) -> None:
    """Take jobs from standard input, a line each, and tell their results on standard output."""
    _say({"ready": True})
    for line in sys.stdin:
        job = Job(**json.loads(line))
        begun = perf_counter()
        answers = answer(job)
        seconds = perf_counter() - begun
        firsts = [first - begun for first, _, _ in answers]
        _say(
            asdict(
                Result(
                    seconds,
                    sum(firsts) / len(firsts),
                    sum(count for _, count, _ in answers),
                    [text for _, _, text in answers],
                )
            )
        )


def _say(message: dict[str, Any]) -> None:
    print(f"\n>>> {json.dumps(message)}", flush=True)  # libraries print beside us
