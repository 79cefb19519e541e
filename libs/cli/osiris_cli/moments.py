"""Moments and lengths of time as people write and read them."""

import re
from datetime import UTC, datetime, timedelta

from osiris_cli.errors import CliError

_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO = re.compile(rf"(\d{{1,6}})\s*({'|'.join(_SECONDS)})")


def moment(text: str, now: datetime) -> datetime:
    """`2h` (so long ago), or an ISO date or time; UTC unless it says otherwise.

    Raises:
        CliError: it is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CliError(f"expected a time such as 2h, 30min, 7d or 2024-01-02T14:30, was '{text}'; see --help") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def length(seconds: float) -> str:
    """A length of time, to the largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
