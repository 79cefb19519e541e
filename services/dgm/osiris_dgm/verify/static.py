"""What can be said of a candidate without running it."""

import ast
import json
import subprocess

from ruff.__main__ import find_ruff_bin

from osiris_desk.policy.loading import FUNCTIONS
from osiris_dgm.sandbox import compiling

ALLOWED_IMPORTS = frozenset({"osiris_desk.policy", "math", "statistics", "decimal"})
MOST_BYTES = 32 * 1024
MOST_NODES = 4_000
LEAST_SCORE = 8.0

FORBIDDEN = frozenset(
    (
        *("breakpoint", "compile", "delattr", "eval", "exec", "exit", "getattr", "globals", "help", "input", "locals"),
        *("memoryview", "object", "open", "quit", "setattr", "super", "type", "vars"),
    )
)
"""Builtins that no policy needs."""

RULES = "E9,F,B,PLE,PLR01,PLW,SIM,RUF"
_RUFF_SECONDS = 20


class Unfit(ValueError):
    """A candidate that must not be run, or is not worth it."""


def check(code: bytes) -> ast.Module:
    """Parse a candidate and hold it against the allow-list.

    Raises:
        Unfit: it is no policy of the allowed kind, and why.
    """
    if len(code) > MOST_BYTES:
        raise Unfit(f"expected at most {MOST_BYTES} bytes of code, was {len(code)}")
    try:
        text = code.decode()
        compiling.check(text)
    except ValueError as error:
        raise Unfit(str(error)[:300]) from None
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    if len(nodes) > MOST_NODES:
        raise Unfit(f"expected at most {MOST_NODES} nodes, was {len(nodes)}")
    for node in nodes:
        _check_node(node)
    for statement in tree.body:
        _check_top(statement)
    return tree


def score(code: bytes) -> float:
    """Ruff's findings in the manner of pylint's score: 10 - 10 × findings / statements, at least 0.

    Raises:
        Unfit: ruff finds an error, as a name that is not defined.
    """
    done = subprocess.run(  # noqa: S603 - ruff's own binary
        [find_ruff_bin(), "check", "--isolated", "--no-cache", "--select", RULES, "--output-format", "json", "-"],
        input=code,
        capture_output=True,
        timeout=_RUFF_SECONDS,
        check=False,
    )
    found = json.loads(done.stdout or b"[]")
    errors = [finding for finding in found if str(finding["code"]).startswith(("F8", "E9", "PLE"))]
    if errors:
        raise Unfit(f"ruff: {errors[0]['code']} {errors[0]['message']}"[:300])
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(code)))
    return max(0.0, 10 - 10 * len(found) / max(1, statements))


def _check_node(node: ast.AST) -> None:
    if isinstance(node, ast.Import):
        _check_imports([name.name for name in node.names])
    elif isinstance(node, ast.ImportFrom):
        _check_imports([node.module or "." if not node.level else "."])
    elif isinstance(node, ast.Name) and (node.id in FORBIDDEN or node.id.startswith("__")):
        raise Unfit(f"expected no {node.id} in a policy")
    elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr != "_replace":
        raise Unfit(f"expected no attribute {node.attr} in a policy")
    elif isinstance(node, ast.Global | ast.Nonlocal | ast.ClassDef | ast.AsyncFunctionDef | ast.Await | ast.While):
        raise Unfit(f"expected no {type(node).__name__.lower()} in a policy")


def _check_imports(names: list[str]) -> None:
    for name in names:
        if name not in ALLOWED_IMPORTS:
            raise Unfit(f"expected imports of {', '.join(sorted(ALLOWED_IMPORTS))} alone, was {name}")


def _check_top(statement: ast.stmt) -> None:
    """Nothing runs when a policy is loaded but definitions."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    if not isinstance(statement, ast.FunctionDef | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom):
        raise Unfit(f"expected definitions alone at the top, was {type(statement).__name__.lower()}")
    if isinstance(statement, ast.FunctionDef) and statement.name in FUNCTIONS and statement.decorator_list:
        raise Unfit(f"expected no decorator on {statement.name}")
