"""A part taken over from another version, with all that it makes use of."""

import ast
import copy

from osiris_dgm.mutators.source import Definition, NotApplicable, Source, defined_names


def take(into: Source, other: Source) -> None:
    """Replace the part by the other version's; helpers and constants that differ come under a name of their own."""
    mine, theirs = into.definitions(), other.reach()
    names = {
        name: _free(f"{name}_{into.part}", {*mine, *theirs})
        for name, definition in theirs.items()
        if name != other.name and name in mine and ast.dump(mine[name]) != ast.dump(definition)
    }
    if any(name in PARTS for name in names):
        raise NotApplicable(f"expected a {into.part} that stands by itself, it makes use of another part")
    moved = {names.get(name, name): _renamed(definition, names) for name, definition in theirs.items()}
    new = [definition for name, definition in moved.items() if name != other.name and name not in mine]
    body = into.tree.body
    place = next(n for n, node in enumerate(body) if other.name in defined_names(node))
    body[place] = moved[other.name]
    _add_imports(into, other)
    start = next(n for n, node in enumerate(body) if defined_names(node))
    body[start:start] = sorted(new, key=lambda node: isinstance(node, ast.FunctionDef))


PARTS = ("prompt", "entry", "exit", "size", "stop", "target", "critique")


def _renamed(definition: Definition, names: dict[str, str]) -> Definition:
    copied = copy.deepcopy(definition)
    for node in ast.walk(copied):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.FunctionDef):
            node.name = names.get(node.name, node.name)
    return copied


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _add_imports(into: Source, other: Source) -> None:
    mine = {ast.dump(node) for node in into.tree.body}
    missing = [node for node in other.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    first = next((n for n, node in enumerate(into.tree.body) if isinstance(node, ast.Import | ast.ImportFrom)), 0)
    into.tree.body[first:first] = [copy.deepcopy(node) for node in missing if ast.dump(node) not in mine]
