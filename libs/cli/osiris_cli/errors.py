"""What a user gets to read instead of a traceback."""


class CliError(Exception):
    """One clear line, and the exit code that goes with it: 2 for bad input, 1 for what went wrong."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
