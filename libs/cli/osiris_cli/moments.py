"""Moments and lengths of time as people write and read them."""

import re
from datetime import UTC, datetime, timedelta

from osiris_cli.errors import CliError

_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(rf"(\d{{1,6}})\s*({'|'.join(_SECONDS)})")


def moment(text: str, now: datetime) -> datetime:
    """`2h` (so long ago), or an ISO date or time; UTC unless it says otherwise.

    Raises:
        CliError: it is neither.
    """
    try:
        if ago := _length(text):
            return now - ago
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise CliError(f"expected a time such as 2h, 30min, 7d or 2024-01-02T14:30, was '{text}'; see --help") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def coming(text: str, now: datetime) -> datetime:
    """`90d` (from now on), or an ISO date or time to come; UTC unless it says otherwise.

    Raises:
        CliError: it is neither.
    """
    ahead = _length(text)
    try:
        found = now + ahead if ahead is not None else moment(text, now)
    except OverflowError:
        found = now
    if found <= now:
        raise CliError(f"expected a time to come, such as 12h, 90d or 2034-01-02, was '{text}'; see --help")
    return found


def _length(text: str) -> timedelta | None:
    found = _LENGTH.fullmatch(text.strip())
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def length(seconds: float) -> str:
    """A length of time, to the largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
