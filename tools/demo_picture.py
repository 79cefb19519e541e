"""Runs `osiris demo` and draws what it printed: `python tools/demo_picture.py docs/img/demo.svg`."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 108
SPINNER = re.compile(r"[\u2800-\u28ff]")
CONTROL = re.compile(r"\x1b\[[\d;?]*[A-LN-Za-ln-z]|\r")  # cursor movements; colours end in m


def main(picture: Path) -> None:
    """Draw the terminal as it looks after two proposals."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    command = [sys.executable, "-m", "osiris_cli", "demo", "--proposals", "2"]
    said = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    lines = [CONTROL.sub("", line) for line in said.replace(str(Path.cwd()), "~/osiris").splitlines()]
    kept = [line for line in lines if not SPINNER.search(line)]
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi("\n".join(["$ make demo", *kept])))
        console.save_svg(str(picture), title="osiris demo")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
