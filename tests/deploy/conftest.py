"""The lane of `make test-deploy`: what is deployed, rendered and checked; nothing of it is started."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import charts


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the charts, each with its dependencies."""
    return charts.vendor(tmp_path_factory.mktemp("helm") / "charts")
