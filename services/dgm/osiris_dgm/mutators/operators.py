"""An operator turned."""

import ast
import random

from osiris_dgm.mutators.source import NotApplicable, Source

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
}


def change(source: Source, dice: random.Random) -> None:
    """Put another operator in one's place: of order, of arithmetic, `and` for `or`."""
    places = [node for node in source.nodes() if _turns(node)]
    if not places:
        raise NotApplicable(f"expected an operator in {source.part}, there is none")
    node = dice.choice(places)
    if isinstance(node, ast.Compare):
        place = dice.choice([n for n, operator in enumerate(node.ops) if type(operator) in _COMPARISONS])
        node.ops[place] = dice.choice(_COMPARISONS[type(node.ops[place])])()
    elif isinstance(node, ast.BinOp):
        node.op = dice.choice(_ARITHMETIC[type(node.op)])()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _turns(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return any(type(operator) in _COMPARISONS for operator in node.ops)
    return isinstance(node, ast.BoolOp) or (isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC)
