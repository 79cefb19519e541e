"""The contracts as JSON Schema, one file a message, so that a breaking change shows in a diff."""

import json
from pathlib import Path

import osiris_contracts
from osiris_contracts._base import Contract


def contracts() -> dict[str, type[Contract]]:
    """Every public contract by name."""
    public = (getattr(osiris_contracts, name) for name in osiris_contracts.__all__)
    return {
        item.__name__: item
        for item in public
        if isinstance(item, type) and issubclass(item, Contract) and item is not Contract
    }


def render(contract: type[Contract]) -> str:
    """The JSON Schema of `contract`, as it lies on disk."""
    return json.dumps(contract.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def export(folder: Path) -> list[Path]:
    """Write every schema to `folder`, drop the ones that have no contract any more, and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, contract in contracts().items():
        path = folder / f"{name}.json"
        path.write_text(render(contract), encoding="utf-8")
        written.append(path)
    for stale in set(folder.glob("*.json")) - set(written):
        stale.unlink()
    return written
