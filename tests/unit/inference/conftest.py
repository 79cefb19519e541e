"""The real small model, loaded once a worker."""

from pathlib import Path

import pytest

from osiris_inference.model_store import ModelStore


@pytest.fixture(scope="session")
def model(models_root: Path) -> Path:
    """The folder of the embedded model, q8."""
    return ModelStore(models_root).embedded()
