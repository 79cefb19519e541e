"""A new version under load: loaded beside the old one, tried, swapped in; one that is no use is refused."""

import asyncio
import json
import shutil
from pathlib import Path

import psutil
import pytest
from tests.support.desk import services
from tests.support.processes import until

from osiris_cli.__main__ import main
from osiris_contracts import GenerateRequest, GenerateResult, streams
from osiris_inference.manifest import GRAPH, MANIFEST
from osiris_inference.model_store import ModelStore
from osiris_mesh import Bus

pytestmark = pytest.mark.xdist_group("models")


def version(models: Path, source: Path, name: str, *, broken: bool = False) -> None:
    """The embedded model under another name, or a graph that cannot be loaded."""
    folder = models / "hermes" / name
    shutil.copytree(source, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "version": name}))
    if broken:
        (folder / GRAPH).write_bytes(b"no graph")


async def test_hermes_swaps_under_load_and_refuses_what_is_no_use(
    redis_url: str,
    tmp_path: Path,
    models_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = tmp_path / "models"
    source = ModelStore(models_root).embedded()
    for name in ("v1", "v2"):
        version(models, source, name)
    version(models, source, "broken", broken=True)
    monkeypatch.setenv("OSIRIS_MODELS", str(models))
    monkeypatch.setenv("OSIRIS_HOME", str(tmp_path / "home"))

    async def osiris(*typed: str) -> int:
        return await asyncio.to_thread(main, ["models", *typed])

    assert await osiris("use", "hermes", "v1") == 0
    async with services(redis_url, tmp_path / "home", models, "hermes"), Bus(redis_url, "test") as bus:

        async def ask(number: int) -> GenerateResult:
            request = GenerateRequest(prompt=f"Say {number}.", max_length=24)
            return await bus.ask(streams.HERMES_REQUESTS, request, timeout=60)

        async def answers_from(wanted: str) -> bool:
            return (await ask(0)).model_version == wanted

        assert await answers_from("v1")
        load = [asyncio.create_task(ask(number)) for number in range(20)]
        assert await osiris("use", "hermes", "v2") == 0
        await until(lambda: answers_from("v2"), what="v2 to answer")
        assert {each.model_version for each in await asyncio.gather(*load)} <= {"v1", "v2"}  # and none failed

        assert await osiris("use", "hermes", "broken") == 1
        assert "the version in use stays" in capsys.readouterr().err
        ModelStore(models).set_current("hermes", models / "hermes" / "broken")  # behind the command's back
        await asyncio.sleep(3)
        assert await answers_from("v2")

        assert await osiris("use", "hermes", "v1") == 0
        await until(lambda: answers_from("v1"), what="v1 to answer again")
        assert await osiris("use", "hermes", "v2") == 0
        assert await osiris("rollback", "hermes") == 0
        await until(lambda: answers_from("v1"), what="the rollback to v1")
        assert await osiris("verify", "hermes") == 0
        assert "v1: loads and answers" in capsys.readouterr().out


async def test_hermes_sleeps_and_wakes_and_nothing_is_lost(
    redis_url: str,
    tmp_path: Path,
    models_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", redis_url)
    monkeypatch.setenv("OSIRIS_HOME", str(tmp_path / "home"))
    async with services(redis_url, tmp_path / "home", models_root, "hermes") as running, Bus(redis_url, "test") as bus:
        ask = GenerateRequest(prompt="Say hi.", max_length=200, temperature=1.5)
        before = [asyncio.create_task(bus.ask(streams.HERMES_REQUESTS, ask, timeout=90)) for _ in range(4)]
        await asyncio.sleep(0.5)
        awake = psutil.Process(running["hermes"].pid).memory_info().rss
        assert await asyncio.to_thread(main, ["models", "sleep", "hermes"]) == 0
        assert awake - psutil.Process(running["hermes"].pid).memory_info().rss > 100e6
        assert all(each.text for each in await asyncio.gather(*before))
        meanwhile = asyncio.create_task(bus.ask(streams.HERMES_REQUESTS, ask, timeout=90))
        await asyncio.sleep(0.5)
        assert not meanwhile.done()
        assert await asyncio.to_thread(main, ["models", "wake", "hermes"]) == 0
        assert (await meanwhile).text
    assert "hermes: 1 asleep" in capsys.readouterr().out
