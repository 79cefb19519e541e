"""The lane of `make test-containers`: the stack in real containers."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import engines
from stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nothing runs yet; what a test starts is gone at the end, with its volumes."""
    if reason := engines.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("containers")
    with engines.running(folder) as engine:
        made = Stack(engine, folder)
        made.down(volumes=True)  # of a run that was cut short
        try:
            yield made
        finally:
            made.down(volumes=True)
