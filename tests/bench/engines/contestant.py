"""A contestant's process, stopped while it is not its turn."""

import json
import os
import signal
import subprocess
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.engines.contest import Job, Result

REPOSITORY = Path(__file__).parent.parent.parent.parent


class Contestant:
    """Runs `python -m tests.bench.engines.<module>` in an environment. Use it as a context manager."""

    def __init__(self, python: Path, module: str, *arguments: str) -> None:
        self._argv = [str(python), "-m", f"tests.bench.engines.{module}", *arguments]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._argv,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._heard()
        self._signal(signal.SIGSTOP)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def answer(self, job: Job) -> Result:
        """Let it answer, alone on the machine."""
        self._signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        result = Result(**self._heard())
        self._signal(signal.SIGSTOP)
        return result

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(">>> "):
                return json.loads(line.removeprefix(">>> "))  # type: ignore[no-any-return]
        raise RuntimeError(f"{' '.join(self._argv)} ended")

    def _signal(self, number: signal.Signals) -> None:
        os.killpg(self._process.pid, number)
