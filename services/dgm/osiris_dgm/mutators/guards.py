"""A condition put before a part, or one of its conditions taken away."""

import ast
import random

from osiris_dgm.mutators.source import NotApplicable, Source

NEUTRAL = {"entry": "None", "exit": "False", "size": "0.1", "stop": "None", "target": "None"}
"""What a part answers when its guard holds it back."""

CONDITIONS = (
    ("volatility", "<", (0.0002, 0.0005, 0.001, 0.002, 0.005)),
    ("volatility", ">", (0.0005, 0.001, 0.002, 0.005, 0.02)),
    ("run_return", ">", (-0.005, -0.001, 0.0, 0.001, 0.005)),
    ("run_return", "<", (-0.005, -0.001, 0.0, 0.001, 0.005)),
    ("history_return", ">", (-0.02, -0.005, 0.0, 0.005, 0.02)),
    ("history_return", "<", (-0.02, -0.005, 0.0, 0.005, 0.02)),
    ("range_place", "<", (0.1, 0.25, 0.5, 0.75)),
    ("range_place", ">", (0.25, 0.5, 0.75, 0.9)),
    ("daily_pnl", "<", (-500.0, -100.0, 0.0)),
)


def change(source: Source, dice: random.Random) -> None:
    """Add a guard, or, as often, take one away where there is one."""
    function = source.function()
    if source.part not in NEUTRAL:
        raise NotApplicable(f"expected a part that can be held back, was {source.part}")
    guards = [n for n, statement in enumerate(function.body) if _is_guard(statement)]
    if guards and dice.random() < 0.5:
        del function.body[dice.choice(guards)]
        return
    name, order, thresholds = dice.choice(CONDITIONS)
    features = function.args.args[0].arg if function.args.args else "features"
    text = f"if {features}.{name} {order} {dice.choice(thresholds)}:\n    return {NEUTRAL[source.part]}"
    function.body.insert(1 if ast.get_docstring(function) is not None else 0, ast.parse(text).body[0])


def _is_guard(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and len(statement.body) == 1
        and isinstance(statement.body[0], ast.Return)
    )
