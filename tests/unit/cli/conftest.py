"""What the tests of the command share: a clean environment, and a real Redis."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from osiris_cli.embedded_redis import EmbeddedRedis


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No OSIRIS_ variable of the machine, and no .env, reaches a test."""
    for name in [name for name in os.environ if name.startswith("OSIRIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own."""
    with EmbeddedRedis(tmp_path / "redis", persistent=False) as running:
        yield running
