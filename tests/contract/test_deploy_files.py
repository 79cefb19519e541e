"""What is generated for deploying is what its sources say now."""

import ast
import importlib.util
import re
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.utils import canonicalize_name


@pytest.fixture
def tool(repository: Path, request: pytest.FixtureRequest) -> ModuleType:
    """A script of tools/, by name."""
    spec = importlib.util.spec_from_file_location(request.param, repository / "tools" / f"{request.param}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("tool", ["image_locks"], indirect=True)
def test_an_image_holds_what_its_service_needs(tool: ModuleType, repository: Path) -> None:
    """A difference: run `make image-locks`."""
    written = {path.name: path.read_text() for path in (repository / "deploy/docker/locks").glob("*.lock")}
    assert written == tool.files()
    assert not re.search(r"^(pytest|mypy|torch|playwright)\b", "".join(written.values()), re.MULTILINE)
    assert "pyarrow" not in written["gateway.lock"] and "lancedb" in written["trainer.lock"]


@pytest.mark.parametrize("tool", ["helm_schemas"], indirect=True)
def test_a_chart_has_its_schema(tool: ModuleType, repository: Path) -> None:
    """A difference: run `make helm-schemas`."""
    written = {path.parent.name: path.read_text() for path in (repository / "deploy/helm").glob("*/values.schema.json")}
    assert written == {name: tool.render(name, schema) for name, schema in tool.schemas().items()}


@pytest.mark.parametrize("tool", ["scale"], indirect=True)
def test_the_arithmetic_is_of_what_was_measured(tool: ModuleType, repository: Path) -> None:
    """A difference: run `python tools/scale.py`."""
    page = (repository / "docs/scale.md").read_text()
    assert tool.render(page, tool.measured((repository / "docs/performance.md").read_text())) == page


def test_every_service_has_a_chart_and_a_place_in_compose(repository: Path) -> None:
    compose = (repository / "compose.yaml").read_text()
    for path in repository.glob("services/*/pyproject.toml"):
        name = path.parent.name
        assert (repository / "deploy/helm" / name.replace("_", "-") / "Chart.yaml").exists(), name
        assert re.search(rf"^  {name}:", compose, re.MULTILINE), name


def test_an_environment_runs_on_the_oldest_base(repository: Path) -> None:
    """redis wants async-timeout before Python 3.11.3, which Debian 12 has."""
    for path in repository.glob("services/*/environments/*.lock"):
        names = {re.split("[=;]", line)[0] for line in path.read_text().splitlines()}
        assert "redis" not in names or "async-timeout" in names, path


def test_an_environment_holds_what_of_ours_its_code_imports(repository: Path) -> None:
    """A difference: the lock of the environment lacks a line `# member: libs/…`."""
    for path in repository.glob("services/*/environments/*.lock"):
        service = repository / "deploy/docker/locks" / f"{path.parent.parent.name}.lock"
        folders = re.findall("^# member: (.*)$", service.read_text() + path.read_text(), re.MULTILINE)
        found = {
            module for folder in folders for each in (repository / folder).rglob("*.py") for module in imported(each)
        }
        ours = {f"osiris_{Path(folder).name}" for folder in folders}
        assert {module for module in found if module.startswith("osiris_")} <= ours, path


EXTRAS = {
    "/vllm_engine/": "vllm",
    "/osiris_mesh/http/": "litestar",
    "/osiris_trainer/night/": "torch",
    "/osiris_desk/backtest/measures.py": "empyrical-reloaded",
}
"""Code that runs only where an extra is installed, by a package of that extra."""


@pytest.mark.parametrize("tool", ["image_locks"], indirect=True)
def test_an_image_lacks_nothing_that_its_service_imports(tool: ModuleType, repository: Path) -> None:
    """A difference: a pyproject.toml does not say what its code imports."""
    providers = packages_distributions()
    found = []
    for service in tool.services():
        folders, lines = tool.lock(service)
        held = {canonicalize_name(re.split("[=;]", line)[0]) for line in lines}
        for path in (each for folder in folders for each in (repository / folder).glob("osiris_*/**/*.py")):
            if any(part in path.as_posix() and package not in held for part, package in EXTRAS.items()):
                continue
            for module in imported(path):
                names = set(map(canonicalize_name, providers.get(module, [])))
                # what is of no wheel here is the standard library's, or of an environment of its own
                if names and not names & (held | {f"osiris-{Path(folder).name}" for folder in map(name_of, folders)}):
                    found.append(f"{service}: {path.relative_to(repository)} imports {module}")
    assert sorted(set(found)) == []


def name_of(folder: str) -> str:
    return folder.replace("_", "-")


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports, wherever in it."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    return modules
