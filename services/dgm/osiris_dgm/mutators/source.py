"""A policy's code as a tree, and the piece of it that one part is made of."""

import ast
from collections.abc import Iterator

from osiris_contracts import PolicyPart

Definition = ast.FunctionDef | ast.Assign | ast.AnnAssign

GATE = "GATE"


class NotApplicable(ValueError):
    """A change that this part of this policy has no place for."""


class Source:
    """The code of a policy, and one part of it.

    Args:
        code: a `policy.py` that compiles.
        part: `entry`, `size`, …; `gate` is the constant GATE.

    Raises:
        NotApplicable: it has no such part.
    """

    def __init__(self, code: str, part: PolicyPart) -> None:
        self.tree = ast.parse(code)
        self.part = part
        self.name = GATE if part == "gate" else part
        if self.name not in self.definitions():
            raise NotApplicable(f"expected a policy that defines {self.name}")

    def definitions(self) -> dict[str, Definition]:
        """What the module defines, by name."""
        found: dict[str, Definition] = {}
        for node in self.tree.body:
            for name in defined_names(node):
                if not isinstance(node, Definition):
                    continue
                found[name] = node
        return found

    def reach(self) -> dict[str, Definition]:
        """The part's own definition and every other that it makes use of, by name."""
        definitions, reached = self.definitions(), dict[str, Definition]()
        pending = [self.name]
        while pending:
            name = pending.pop()
            if name in definitions and name not in reached:
                reached[name] = definitions[name]
                pending += [node.id for node in ast.walk(definitions[name]) if isinstance(node, ast.Name)]
        return reached

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the part that computes something: no annotations, no defaults, no docstrings."""
        for definition in self.reach().values():
            if isinstance(definition, ast.FunctionDef):
                for statement in definition.body:
                    yield from ast.walk(statement)
            elif definition.value is not None:
                yield from ast.walk(definition.value)

    def function(self) -> ast.FunctionDef:
        """The part's own function.

        Raises:
            NotApplicable: it is a constant.
        """
        definition = self.definitions()[self.name]
        if not isinstance(definition, ast.FunctionDef):
            raise NotApplicable(f"expected a function, {self.name} is a constant")
        return definition

    def text(self) -> str:
        """The code as text."""
        return ast.unparse(ast.fix_missing_locations(self.tree)) + "\n"


def defined_names(node: ast.AST) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
