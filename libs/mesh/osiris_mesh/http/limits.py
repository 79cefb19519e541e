"""How much a key may do in a minute: a bucket that holds a minute's worth, and fills evenly.

The bucket is one number: when it will be full again (the generic cell rate algorithm, ITU-T I.371). What is taken moves
that moment on, what is given back moves it nearer. Over any time longer than a minute no more passes than its minutes
hold; after a quiet minute as much again may pass at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Literal

Unit = Literal["requests", "tokens"]

MINUTE = 60
_SECOND = 1_000_000
PERIOD = MINUTE * _SECOND
"""Microseconds in which an empty bucket fills."""


class RateLimited(Exception):
    """A request over the limit of its key."""

    def __init__(self, reading: "Reading") -> None:
        limit, seconds = reading.limit, reading.retry_after
        super().__init__(
            f"expected at most {limit.amount} {limit.unit} a minute with this key, these are more; "
            f"come again in {seconds} s"
        )
        self.reading = reading


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests or tokens a minute."""

    unit: Unit
    amount: int

    @property
    def microseconds(self) -> float:
        """In which one of them comes back."""
        return PERIOD / self.amount

    def takeable(self, wanted: int) -> int:
        """What is taken at once for `wanted`: never more than the bucket holds, else they could never be had."""
        return min(wanted, self.amount)


@dataclass(frozen=True, slots=True)
class Reading:
    """A limit at one moment.

    Attributes:
        remaining: how many may come now.
        reset: seconds until the bucket is full.
        retry_after: seconds until what was asked for is there; 0 where it was.
    """

    limit: Limit
    remaining: int
    reset: int
    retry_after: int = 0


def reading(limit: Limit, taken: int, answer: int) -> Reading:
    """What the script's `answer` says after `taken` were asked for: the microseconds until the bucket is full, or,
    negative, those until there is room.
    """
    missing = max(-answer, 0)
    used = PERIOD + missing - taken * limit.microseconds if missing else answer
    remaining = max(int((PERIOD - used) / limit.microseconds + 1e-6), 0)
    return Reading(limit, remaining, max(ceil(used / _SECOND), 0), ceil(missing / _SECOND))


def headers(readings: Iterable[Reading]) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) of limits that apply."""
    known = list(readings)
    if not known:
        return {}
    return {
        "ratelimit-policy": ", ".join(f'"{each.limit.unit}";q={each.limit.amount};w={MINUTE}' for each in known),
        "ratelimit": ", ".join(f'"{each.limit.unit}";r={each.remaining};t={each.reset}' for each in known),
    }
