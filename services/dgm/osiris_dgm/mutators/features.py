"""A feature put in another's place."""

import ast
import random

from osiris_dgm.mutators.source import NotApplicable, Source

GROUPS = (
    ("open", "high", "low", "close"),
    ("run_return", "history_return", "exposure"),
    ("volatility", "run_return"),
    ("unrealised_pnl", "daily_pnl"),
    ("range_place", "exposure"),
)
"""Features of one unit, which can stand for one another."""


def change(source: Source, dice: random.Random) -> None:
    """Swap one feature for another of its unit."""
    places = [node for node in source.nodes() if isinstance(node, ast.Attribute) and _kin(node.attr)]
    if not places:
        raise NotApplicable(f"expected a feature in {source.part} that another can stand for, there is none")
    node = dice.choice(places)
    node.attr = dice.choice(_kin(node.attr))


def _kin(name: str) -> list[str]:
    return sorted({other for group in GROUPS if name in group for other in group} - {name})
