"""A number moved within its bounds."""

import ast
import math
import random
from typing import TypeGuard, cast

from osiris_dgm.mutators.source import GATE, NotApplicable, Source

MOST = 1e4
"""No constant grows beyond it."""

PERCENT = (0.05, 100.0)
"""Bounds of a threshold of the gate."""

_NEAR_ZERO = (0.1, 0.25, 0.5, 1.0)


def change(source: Source, dice: random.Random) -> None:
    """Scale one number by a log-normal factor; leave zero by a step; turn a whole number into one beside it."""
    gate = source.name == GATE
    numbers = _gate_numbers(source) if gate else [node for node in source.nodes() if is_number(node)]
    if not numbers:
        raise NotApplicable(f"expected a number in {source.part}, there is none")
    node = dice.choice(numbers)
    moved = _moved(cast(float, node.value), dice)
    node.value = min(max(float(moved), PERCENT[0]), PERCENT[1]) if gate else moved


def is_number(node: ast.AST) -> TypeGuard[ast.Constant]:
    """Whether a node is a number written out."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _moved(value: float, dice: random.Random) -> float:
    if isinstance(value, int) and value > 1:
        return int(min(max(1, value + dice.choice((-2, -1, 1, 2)) * max(1, value // 8)), MOST))
    if value == 0:
        return dice.choice(_NEAR_ZERO) * dice.choice((-1, 1))
    moved = value * math.exp(dice.gauss(0, 0.5))
    return float(f"{min(max(moved, -MOST), MOST):.6g}")


def _gate_numbers(source: Source) -> list[ast.Constant]:
    """The thresholds, written out where they were left to their defaults."""
    definition = source.definitions()[source.name]
    call = definition.value if isinstance(definition, ast.Assign | ast.AnnAssign) else None
    if not isinstance(call, ast.Call) or call.args or any(not is_number(word.value) for word in call.keywords):
        raise NotApplicable("expected GATE = Limits(name=number, …)")
    given = {word.arg for word in call.keywords}
    for name in ("max_position_size_pct", "max_daily_loss_pct"):
        if name not in given:
            call.keywords.append(ast.keyword(arg=name, value=ast.Constant(50.0)))
    return [word.value for word in call.keywords if isinstance(word.value, ast.Constant)]
