"""What `python -m osiris_trainer` can be told on its command line."""

import argparse
from collections.abc import Sequence


def night_asked(given: Sequence[str]) -> bool:
    """Whether one night is asked for; exits with 0 after --help, with 2 when it is not understood."""
    parser = argparse.ArgumentParser(
        prog="python -m osiris_trainer",
        description="The memory of the desk. Without an option: record what is proposed and said "
        "until stopped. With --once: one night, which turns the owner's corrections into a better phi3, or shows that "
        "it is no better; then end.",
        epilog="A night: dataset, training, export, gate, publishing. Killed, it goes on where it was; done, it is not "
        "done again until there is something new. It needs an environment of its own: make .venv-night/.installed, "
        "then .venv-night/bin/python -m osiris_trainer --once. Settings: OSIRIS_NIGHT_… in .env.template. Exit codes: "
        "0 ended (published, refused or skipped, and why), 1 failed, 2 not set up, 3 another night runs.",
    )
    parser.add_argument("--once", action="store_true", help="one night, then end")
    once_: bool = parser.parse_args(given).once
    return once_
