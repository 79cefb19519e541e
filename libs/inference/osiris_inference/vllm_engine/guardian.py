"""Ends vLLM's processes when the one that started them is killed: they would hold the GPU's memory for ever."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence


def guard(pids: Sequence[int]) -> "subprocess.Popen[bytes]":
    """Watch over `pids` from a process of its own; they end when its input is closed, or its starter gone."""
    command = [sys.executable, "-m", __name__, *map(str, pids)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603


def main() -> None:
    """Wait until the other end of standard input is gone, then kill."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever stops the service stops vLLM in good order
    sys.stdin.buffer.read()
    for pid in sys.argv[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


if __name__ == "__main__":
    main()
