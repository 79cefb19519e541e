"""What the nemesis will do, and when: all of it follows from the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Fsync = Literal["everysec", "always"]
Kind = Literal[
    "kill",
    "pause",
    "restart",
    "cut",
    "deafen",
    "delay",
    "poison",
    "fill",
    "kill redis",
    "pause redis",
    "power cut",
    "flush",
]

KINDS: tuple[Kind, ...] = get_args(Kind)
KILLS: frozenset[Kind] = frozenset({"kill", "kill redis", "power cut"})
"""What counts as a kill -9."""

_WEIGHTS: dict[Kind, float] = {
    "kill": 60,
    "pause": 9,
    "restart": 5,
    "cut": 4,
    "deafen": 6,
    "delay": 4,
    "poison": 6,
    "fill": 1,
    "kill redis": 4,
    "pause redis": 2,
    "power cut": 1,
}
_SECONDS: dict[Kind, tuple[float, float]] = {
    "pause": (0.2, 4.0),  # the lease is 1.5
    "pause redis": (0.2, 6.5),  # redis-py gives up after 5
    "deafen": (0.05, 0.5),
    "delay": (0.5, 3.0),
    "power cut": (0.05, 1.0),
}
_FLUSHED_WITHIN = (0.1, 0.3)  # of the run, once: what was sent before is excused from being there
_FLUSHED_FROM_SECONDS = 120.0  # a shorter run is not flushed


@dataclass(frozen=True, slots=True)
class Operation:
    """One deed of the nemesis.

    Attributes:
        at: seconds after it began.
        target: the process; '' where there is no choice.
        seconds: how long it lasts, or for a power cut how much of the file's end goes.
        number: of its own luck, for what else it must choose.
    """

    at: float
    kind: Kind
    target: str = ""
    seconds: float = 0.0
    number: int = 0


def schedule(seed: int, seconds: float, targets: Sequence[str], kills_a_minute: float, fsync: Fsync) -> list[Operation]:
    """The operations of a run. With `always` nothing acknowledged may go: no power cut is played, and no flush."""
    chance = random.Random(seed)
    weights = {kind: weight for kind, weight in _WEIGHTS.items() if kind != "power cut" or fsync == "everysec"}
    kinds = list(weights)
    share = sum(weight for kind, weight in weights.items() if kind in KILLS) / sum(weights.values())
    mean = 60 * share / kills_a_minute
    flush = round(seconds * chance.uniform(*_FLUSHED_WITHIN), 3)
    found = [Operation(flush, "flush")] if fsync == "everysec" and seconds >= _FLUSHED_FROM_SECONDS else []
    for at in _steps(chance, mean * 0.2, mean * 1.8, seconds):
        kind = chance.choices(kinds, list(weights.values()))[0]
        found.append(
            Operation(
                at=round(at, 3),
                kind=kind,
                target=chance.choice(targets),
                seconds=round(chance.uniform(*_SECONDS.get(kind, (0.0, 0.0))), 3),
                number=chance.randrange(2**32),
            )
        )
    return sorted(found, key=lambda operation: operation.at)


def _steps(chance: random.Random, shortest: float, longest: float, end: float) -> list[float]:
    found = []
    at = chance.uniform(shortest, longest)
    while at < end:
        found.append(at)
        at += chance.uniform(shortest, longest)
    return found
