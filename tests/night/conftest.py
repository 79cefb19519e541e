"""Nights with torch, on the small model: `make test-night`. Most begin with its lowest layers alone, which are real and
seven times as fast."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file
from tests.unit.trainer import rows

from osiris_inference.model_store import embedded_weights
from osiris_store import Table
from osiris_trainer.night import base
from osiris_trainer.rows import FEEDBACK

LAYERS = 4


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model in float weights."""
    folder = tmp_path_factory.mktemp("whole")
    base.unpack(embedded_weights(), folder)
    return folder


@pytest.fixture(scope="session")
def low(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the lowest of its layers alone."""
    folder = tmp_path_factory.mktemp("low")
    base.unpack(whole, folder)
    kept = {
        name: values
        for name, values in load_file(folder / base.WEIGHTS).items()
        if not name.startswith("model.layers.") or int(name.split(".")[2]) < LAYERS
    }
    save_file(kept, folder / base.WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": LAYERS}))
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[int], Any]:
    """Makes a home with so many corrections in its tables; to be awaited."""

    async def made(corrections: int) -> Path:
        home = tmp_path / "home"
        table = await Table.open(home / "data" / "lancedb", "feedback", FEEDBACK)
        await table.write([rows.correction(number) for number in range(corrections)])
        return home

    return made
