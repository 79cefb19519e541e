"""What others build on is written down, and changes only on purpose."""

import importlib.util
from pathlib import Path
from typing import get_args

from osiris_contracts import ErrorCode, streams
from osiris_contracts.schemas import contracts, render
from osiris_mesh.http.problems import STATUS


def test_docs_schemas_are_those_of_the_contracts(repository: Path) -> None:
    """A difference is a change of the language: run `make schemas`, and look at the diff."""
    written = {path.stem: path.read_text() for path in (repository / "docs" / "schemas").glob("*.json")}
    assert written == {name: render(contract) for name, contract in contracts().items()}


def test_every_field_of_every_contract_is_described() -> None:
    bare = [
        f"{name}.{field}"
        for name, contract in contracts().items()
        for field, info in contract.model_fields.items()
        if not info.description
    ]
    assert bare == []


def test_the_env_template_is_made_from_the_settings(repository: Path) -> None:
    spec = importlib.util.spec_from_file_location("env_template", repository / "tools" / "env_template.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (repository / ".env.template").read_text() == module.render()


def test_every_error_code_has_an_http_status() -> None:
    assert set(STATUS) == set(get_args(ErrorCode))


def test_no_service_imports_another_and_arrows_point_one_way(repository: Path) -> None:
    allowed = {
        "contracts": set(),
        "versions": set(),
        "mesh": {"contracts"},
        "inference": {"contracts", "mesh", "versions"},
        "store": {"contracts"},
        "desk": {"contracts", "versions"},
    }
    libraries = set(allowed)
    found = []
    for root in (*(repository / "libs").iterdir(), *(repository / "services").iterdir()):
        may = allowed.get(root.name, libraries) | {root.name}
        for path in root.glob("osiris_*/**/*.py"):
            for line in path.read_text().splitlines():
                words = line.split()
                if len(words) > 1 and words[0] in ("from", "import") and words[1].startswith("osiris_"):
                    imported = words[1].split(".")[0].removeprefix("osiris_")
                    if imported not in may:
                        found.append(f"{path}: {line.strip()}")
    assert found == []


def test_no_file_names_a_package_registry(repository: Path) -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com")
    suspects = [repository / "requirements.lock", repository / "Makefile", *repository.glob("**/pyproject.toml")]
    assert [path for path in suspects if any(host in path.read_text() for host in hosts)] == []


def test_stream_names_are_stable() -> None:
    assert streams.dead("phi3.requests") == "phi3.requests:dead"
    assert streams.control("hermes") == "control.hermes"
    assert set(streams.REQUESTS_OF.values()) == {"hermes.requests", "phi3.requests"}
