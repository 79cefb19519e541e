"""What all tests share: a clean environment, a real Redis, the real small model."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_inference.model_store import ModelStore
from osiris_mesh.connection import connect

REPOSITORY = Path(__file__).parent.parent

# `make test-vllm`, `-chatterbox`, `-night`, `-deploy` and `-containers` run these, in environments of their own
LANES = {
    "vllm": "vllm",
    "chatterbox": "chatterbox",
    "night": "trl",
    "deploy": "helm_python",
    "containers": "helm_python",
}
collect_ignore = [lane for lane, package in LANES.items() if not find_spec(package)]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No OSIRIS_ variable of the machine, and no .env, reaches a test."""
    for name in [name for name in os.environ if name.startswith("OSIRIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def repository() -> Path:
    """The root of the working tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis for all tests of one worker."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis"), persistent=False) as server:
        yield server


@pytest.fixture
async def redis_url(shared_redis: EmbeddedRedis) -> str:
    """The URL of an empty Redis."""
    client = connect(shared_redis.url)
    await client.flushall()
    await client.aclose()
    return shared_redis.url


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own, which it may stop."""
    with EmbeddedRedis(tmp_path / "redis", persistent=False) as running:
        yield running


@pytest.fixture(scope="session")
def models_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the embedded model in it, converted once for all workers."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"
    ModelStore(root).embedded()
    return root
