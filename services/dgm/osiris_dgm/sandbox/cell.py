"""The parent's side: one candidate in a process of its own, a `Policy` like any other to who asks it.

What lies ahead of a run, the venue, the book and the score stay in this process. The candidate is sent the features of
a run once it has answered the run before, so that there is no future to look at and no scorer to touch.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from math import isfinite
from typing import Any, Self

from osiris_desk.policy import Features, Intent, Limits
from osiris_dgm.sandbox.bounds import Bounds

START_SECONDS = 20.0
"""An interpreter's start on a busy machine."""

_CHUNK = 64 * 1024


class SandboxIncomplete(RuntimeError):
    """A wall is missing: no candidate runs here."""


class Contained(Exception):
    """The candidate was ended: it took too long, died, or answered what is no answer."""


class CandidateFailed(Exception):
    """The candidate's code raised an exception, which is its answer to one question."""


class Cell:
    """One candidate in its sandbox. Close it, or use it as a context manager.

    Args:
        code: of the `policy.py`.
        bounds: what it may use up.
        clock: monotonic seconds.

    Raises:
        SandboxIncomplete: a wall is missing.
        Contained: the code cannot be loaded.
    """

    def __init__(self, code: bytes, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._bounds = bounds = bounds or Bounds()
        self._clock = clock
        self._ends = clock() + START_SECONDS
        self._rest = b""
        self._foreseen: tuple[Features, object] | None = None
        self.failure: str | None = None
        self.errors: list[str] = []
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-s", "-P", "-B", "-m", "osiris_dgm.sandbox.child", bounds.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            cwd="/",
            start_new_session=True,
        )
        try:
            missing = self._hear(START_SECONDS).get("missing")
            if missing != []:
                raise SandboxIncomplete(f"expected every wall of the sandbox, missing: {'; '.join(missing or ['all'])}")
            self._ends = clock() + bounds.wall_seconds
            self._say({"code": code.decode()})
            self.limits = self._limits()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the candidate's process, whatever it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def prompt(self, features: Features) -> str | None:
        """What phi3 is asked; None: the candidate decides alone, and has decided."""
        answer = self._ask("prompt", features, None)
        if "prompt" in answer:
            return self._text(answer["prompt"])
        self._foreseen = (features, answer.get("intent"))
        return None

    def decide(self, features: Features, proposed: Intent | None) -> Intent:
        """What is to be done."""
        if proposed is None and self._foreseen and self._foreseen[0] == features:
            intent = self._foreseen[1]
        else:
            intent = self._ask("decide", features, proposed).get("intent")
        if not isinstance(intent, list) or len(intent) != len(Intent._fields):
            raise self._end(f"expected an intent of {len(Intent._fields)} fields, was {str(intent)[:100]}")
        return Intent(*intent)

    def critique(self, features: Features, intent: Intent, asked: str | None) -> str | None:
        """The situation as the critic is told it."""
        answer = self._ask("critique", features, intent, asked)
        return None if answer.get("critique") is None else self._text(answer["critique"])

    def _limits(self) -> Limits:
        answer = self._hear(self._bounds.answer_seconds)
        if "error" in answer:
            raise self._end(str(answer["error"]))
        numbers = answer.get("limits")
        if (
            not isinstance(numbers, list)
            or len(numbers) != len(Limits._fields)
            or not all(isinstance(n, int | float) and isfinite(n) and 0 < n <= 100 for n in numbers)
        ):
            raise self._end(f"expected limits above 0 and at most 100 percent, was {str(numbers)[:100]}")
        return Limits(*map(float, numbers))

    def _ask(self, what: str, features: Features, intent: Intent | None, asked: str | None = None) -> dict[str, Any]:
        if self.failure:
            raise Contained(self.failure)
        self._say({"ask": what, "features": features, "intent": intent, "asked": asked})
        answer = self._hear(self._bounds.answer_seconds)
        if "error" in answer:
            self.errors.append(str(answer["error"])[:500])
            raise CandidateFailed(self.errors[-1])
        return answer

    def _say(self, message: dict[str, Any]) -> None:
        try:
            os.write(self._process.stdin.fileno(), json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]
        except BrokenPipeError:
            raise self._end(f"the candidate ended ({self._process.wait()})") from None

    def _hear(self, seconds: float) -> dict[str, Any]:
        ends = min(self._clock() + seconds, self._ends)
        pipe = self._process.stdout.fileno()  # type: ignore[union-attr]
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        while b"\n" not in self._rest:
            left = ends - self._clock()
            if left <= 0 or not waiting.poll(1000 * left):
                raise self._end("the candidate took too long")
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                raise self._end(f"the candidate ended ({self._process.wait()})")
            self._rest += chunk
            if len(self._rest) > self._bounds.answer_bytes:
                raise self._end(f"expected an answer of at most {self._bounds.answer_bytes} bytes, it is longer")
        line, _, self._rest = self._rest.partition(b"\n")
        if self._rest:
            raise self._end("expected one answer a question, got more")
        try:
            answer = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self._end(f"expected an answer in JSON with finite numbers, was {line[:100]!r}") from None
        if not isinstance(answer, dict):
            raise self._end(f"expected an object, was {line[:100]!r}")
        return answer

    def _text(self, answer: object) -> str:
        if not isinstance(answer, str):
            raise self._end(f"expected a text or None, was {type(answer).__name__}")
        return answer

    def _end(self, why: str) -> Contained:
        self.failure = self.failure or why
        self._process.kill()
        return Contained(self.failure)


def _refuse(constant: str) -> float:
    raise ValueError(constant)
