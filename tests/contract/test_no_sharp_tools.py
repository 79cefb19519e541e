"""Nothing in the product runs text as code, reads pickles or asks a shell; what must run strangers' is a sandbox."""

import ast
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PICKLES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {"os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "subprocess.getoutput"}
SHELLS = {"asyncio.create_subprocess_shell", "subprocess.getstatusoutput", "pty.spawn", "os.execlp", "os.execvp"}
KEYWORDS = {"shell", "trust_remote_code", "allow_pickle"}
SANDBOX = "sandbox"
"""A folder or file of this name holds code whose subject is to run what is not trusted."""


def sharp_tools(source: str) -> Iterator[str]:
    """What a module uses that it must not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"import {name}" for name in modules if name.split(".")[0] in PICKLES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in BUILTINS | CALLS | SHELLS or called.startswith("pickle."):
                yield f"{called}()"
            for keyword in node.keywords:
                off = isinstance(keyword.value, ast.Constant) and keyword.value.value in (False, None)
                if keyword.arg in KEYWORDS and not off:
                    yield f"{keyword.arg}={ast.unparse(keyword.value)}"
            if called.endswith("torch.load") and "weights_only=True" not in ast.unparse(node):
                yield "torch.load() without weights_only=True"


def test_the_product_uses_none(repository: Path) -> None:
    found = [
        f"{path.relative_to(repository)}: {tool}"
        for root in ("libs", "services")
        for path in (repository / root).rglob("*.py")
        if not any(SANDBOX in part for part in path.parts)
        for tool in sharp_tools(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec(text)",
        "import pickle",
        "from marshal import loads",
        "import os; os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=wanted)",
        "await_ = asyncio.create_subprocess_shell('ls')",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "yaml.load(text)",
        "numpy.load(path, allow_pickle=True)",
        "torch.load(path)",
    ],
)
def test_each_is_found(source: str) -> None:
    assert list(sharp_tools(source))


def test_their_harmless_namesakes_are_not() -> None:
    harmless = "redis.eval(script, 0); model.eval(); re.compile('x'); run(shell=False); yaml.safe_load(text)"
    assert list(sharp_tools(harmless)) == []


def test_bandits_rules_are_on(repository: Path) -> None:
    lint = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not [rule for rule in lint.get("ignore", []) if rule.startswith("S") and rule[1:2].isdigit()]
    assert [path for path, rules in lint["per-file-ignores"].items() if "S" in rules] == ["tests/**"]


AUDIT: dict[str, tuple[dict[str, Any] | None, int, str]] = {
    "nobody could be asked": (None, 0, "NOT AUDITED"),
    "nobody knew anything": ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 0, "NOT AUDITED"),
    "all is well": ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0, "no known vulnerability in 1"),
    "all is not": (
        {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]},
        1,
        "a 1: CVE-1, fixed in 2",
    ),
}


@pytest.mark.parametrize("kind", AUDIT)
def test_an_audit_says_what_it_knows(repository: Path, kind: str) -> None:
    report, expected, told = AUDIT[kind]
    code, lines = runpy.run_path(str(repository / "tools" / "audit.py"))["verdict"]("requirements.lock", report)
    assert code == expected
    assert told in "\n".join(lines)
