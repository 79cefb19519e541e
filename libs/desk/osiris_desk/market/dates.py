"""Moments as people and files write them: YYYY-MM-DD[ HH:MM[:SS]], ISO 8601 or MM/DD/YYYY; UTC when unsaid."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

EXPECTED = "expected YYYY-MM-DD[ HH:MM[:SS]], ISO 8601 or MM/DD/YYYY"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MOMENT = timedelta(days=1) - _MICROSECOND
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](.+))?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}|\d{1,2}/\d{1,2}/\d{4}")
_ARROW_READS = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"


def parse(text: str) -> datetime:
    """The moment that `text` names, in UTC; a day is its first moment.

    Raises:
        ValueError: `text` names none.
    """
    stripped = text.strip()
    try:
        # a number of seconds since 1970 would otherwise pass for a date and a time without separators
        if stripped.isdigit() and len(stripped) != 8:
            raise ValueError
        moment = datetime.fromisoformat(_as_iso(stripped))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{EXPECTED}, got '{text}'") from None


def parse_end(text: str) -> datetime:
    """As `parse`, but a day is its last moment: what ends on a day includes it."""
    moment = parse(text)
    return moment + _LAST_MOMENT if _DAY.fullmatch(text.strip()) else moment


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + micros * _MICROSECOND


def column_to_micros(texts: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """A column of moments as microseconds since 1970, and which of them could be read.

    Args:
        texts: pyarrow array of strings, shape (n,).
    """
    plain = pc.replace_substring_regex(texts, "Z$", "")
    try:
        if pc.all(pc.match_substring_regex(plain, _ARROW_READS)).as_py():
            moments = pc.cast(plain, pa.timestamp("us")).to_numpy(zero_copy_only=False)
            return moments.astype("M8[us]").astype(np.int64), np.ones(len(texts), bool)
    except pa.ArrowInvalid:
        pass  # a 30th of February: find it below
    micros, readable = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    for row, text in enumerate(texts.to_pylist()):
        try:
            micros[row] = to_micros(parse(text))
        except ValueError:
            continue
        readable[row] = True
    return micros, readable


def _as_iso(text: str) -> str:
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return text
    month, day, year, time = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}" + (f"T{time}" if time else "")
