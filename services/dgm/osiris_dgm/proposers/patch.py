"""Makes code of a model's answer, which is untrusted text: a unified diff, or the whole function."""

import ast
import re

from osiris_dgm.mutators.source import Source, defined_names

MOST_CHARACTERS = 20_000

_FENCE = re.compile(r"```[a-z]*\n(.*?)(?:```|\Z)", re.DOTALL)
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


class Unusable(ValueError):
    """An answer that is no change."""


def apply(code: str, source: Source, answer: str) -> str:
    """The code with the answer's change.

    Raises:
        Unusable: there is none in it, or it does not fit.
    """
    if len(answer) > MOST_CHARACTERS:
        raise Unusable(f"expected at most {MOST_CHARACTERS} characters, was {len(answer)}")
    fenced = _FENCE.search(answer)
    text = fenced.group(1) if fenced else answer
    changed = apply_diff(code, text) if any(map(_HUNK.match, text.splitlines())) else replace(source, text)
    try:
        ast.parse(changed)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unusable(f"expected code that compiles: {error}"[:300]) from None
    if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(code)):
        raise Unusable("expected a change, the code is the same")
    return changed


def replace(source: Source, text: str) -> str:
    """The code with the part's definition replaced by that in `text`; others in it are left out."""
    try:
        found = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unusable(f"expected a function in Python: {error}"[:300]) from None
    new = next((node for node in found.body if source.name in defined_names(node)), None)
    if new is None:
        raise Unusable(f"expected a definition of {source.name}, there is none")
    body = source.tree.body
    body[next(n for n, node in enumerate(body) if source.name in defined_names(node))] = new
    return source.text()


def apply_diff(code: str, diff: str) -> str:
    """The code with a unified diff applied; its line numbers need not be right, its context must be."""
    lines, place = code.splitlines(), 0
    for old, new in _hunks(diff):
        if not old:
            raise Unusable("expected lines of context in every hunk")
        at = next((n for n in range(place, len(lines) - len(old) + 1) if lines[n : n + len(old)] == old), None)
        if at is None:
            raise Unusable(f"expected the lines that a hunk changes, did not find {old[0][:80]!r}")
        lines[at : at + len(old)] = new
        place = at + len(new)
    return "\n".join(lines) + "\n"


def _hunks(diff: str) -> list[tuple[list[str], list[str]]]:
    hunks: list[tuple[list[str], list[str]]] = []
    for line in diff.splitlines():
        if _HUNK.match(line):
            hunks.append(([], []))
        elif hunks and line[:1] in (" ", "-", "+", ""):
            old, new = hunks[-1]
            if line[:1] != "+":
                old.append(line[1:])
            if line[:1] != "-":
                new.append(line[1:])
    return hunks
