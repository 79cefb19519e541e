"""Changes to a policy's code that always give code that compiles."""

import ast
import random

from osiris_contracts import ChangeKind, PolicyPart
from osiris_dgm.mutators import constants, crossing, features, guards, operators
from osiris_dgm.mutators.source import NotApplicable, Source
from osiris_dgm.sandbox import compiling

__all__ = ["NotApplicable", "mutate"]

_CHANGES = {
    "constant": constants.change,
    "operator": operators.change,
    "guard": guards.change,
    "feature": features.change,
}

TRIES = 8
"""Draws until a change is one: 2.0 turned into 2.0 is none."""


def mutate(code: str, part: PolicyPart, kind: ChangeKind, dice: random.Random, other: str | None = None) -> str:
    """The code with one change to a part.

    Args:
        code: a `policy.py` that compiles.
        other: of the version to take the part from, for a crossover.

    Raises:
        NotApplicable: the part has nothing that can be changed so.
    """
    before = Source(code, part)
    for _ in range(TRIES):
        changed = Source(code, part)
        if kind == "crossover":
            if other is None:
                raise NotApplicable("expected another version to take the part from, there is none")
            crossing.take(changed, Source(other, part))
        elif kind in _CHANGES:
            _CHANGES[kind](changed, dice)
        else:
            raise NotApplicable(f"expected a kind that needs no model, was {kind}")
        if ast.dump(changed.tree) != ast.dump(before.tree):
            text = changed.text()
            compiling.check(text)
            return text
        if kind == "crossover":
            break
    raise NotApplicable(f"expected something in {part} that a {kind} changes, there was nothing")
