"""`python -m osiris_trainer --once`, as it runs at night, killed where it hurts."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osiris_inference.gguf_onnx import AdapterRoom
from osiris_inference.model_store import ModelStore
from osiris_trainer.night import export
from osiris_trainer.night.history import Night, Nights
from osiris_trainer.night.night import Judged
from osiris_trainer.night.settings import NightSettings
from osiris_trainer.night.steps import ADAPTABLE, RealSteps

PATIENCE_SECONDS = 240

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
async def home(desk: Callable[[int], Any], low: Path, tmp_path: Path) -> Path:
    """A home with 40 corrections, whose phi3 is the low model."""
    made: Path = await desk(40)
    served = made / "models" / "phi3" / "low"
    await asyncio.to_thread(export.to_onnx, low, served, "low", "unknown", {})
    ModelStore(made / "models").set_current("phi3", served)
    return made


def started(home: Path, low: Path, redis_url: str) -> subprocess.Popen[str]:
    """A night in a process of its own, with few steps."""
    settings = {"HOME": home, "REDIS_URL": redis_url, "NIGHT_BASE": low, "NIGHT_TOP_LAYERS": 2, "NIGHT_BATCH": 4}
    few = {"NIGHT_SFT_STEPS": 6, "NIGHT_DPO_STEPS": 2, "NIGHT_RANK": 4, "NIGHT_ADAPTER": "true"}
    env = os.environ | {f"OSIRIS_{name}": str(value) for name, value in (settings | few).items()}
    command = [sys.executable, "-m", "osiris_trainer", "--once"]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    return output


def killed_when(process: subprocess.Popen[str], home: Path, pattern: str) -> None:
    """Kill -9 as soon as a path appears in the night's folder."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(home.glob(f"nights/[0-9a-f]*/{pattern}")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"no {pattern}"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def rows(home: Path) -> list[Night]:
    return Nights(home / "data" / "lancedb").all()


async def test_a_night_killed_in_dataset_training_and_export_ends_as_if_it_was_not(
    home: Path, low: Path, redis_url: str
) -> None:
    def night() -> None:
        for pattern in ("started.json", ".sft/checkpoints/checkpoint-5", ".export"):
            killed_when(started(home, low, redis_url), home, pattern)
            assert rows(home) == []
        output = ended(started(home, low, redis_url))
        assert "sft: step" not in output
        assert "dpo: step" not in output
        (row,) = rows(home)
        assert row.ending in ("refused", "published"), row
        assert (Path(row.report) / "report.md").is_file()
        assert (Path(row.report) / "report.html").is_file()
        assert not (Path(row.report).parent / "trained").exists()
        serving = ModelStore(home / "models").versions("phi3")
        published = row.ending == "published"
        names = [folder.name for folder in serving if not folder.name.startswith(ADAPTABLE)]
        assert names == (["low", row.version] if published else ["low"])
        assert (home / "models" / "adapters" / f"{row.version}.onnx_adapter").is_file() == published
        again = ended(started(home, low, redis_url))
        assert f"night {row.night} {row.ending}" in again
        assert rows(home) == [row]

    await asyncio.to_thread(night)


async def test_an_adapter_is_published_with_the_version_it_comes_from(home: Path, low: Path, redis_url: str) -> None:
    def publish() -> None:
        exported = home / "nights" / "x" / "export"
        export.to_onnx(low, exported / "night-x", "night-x", "unknown", {})
        export.to_onnx(low, exported / "adaptable-x", "adaptable-x", "unknown", {}, room=AdapterRoom(2, 4))
        (exported / "night-x.onnx_adapter").write_bytes(b"an adapter")
        settings = NightSettings.model_validate({"home": home, "redis_url": redis_url, "base": low})
        for _ in range(2):  # a second time changes nothing
            RealSteps(settings, lambda _: None).publish(exported / "night-x", Judged(True, (), 1.0))

    await asyncio.to_thread(publish)
    names = [folder.name for folder in ModelStore(home / "models").versions("phi3")]
    assert names == ["adaptable-x", "low", "night-x"]
    (published,) = (home / "models" / "adapters").iterdir()
    assert (published.name, published.read_bytes()) == ("night-x.onnx_adapter", b"an adapter")


async def test_too_few_corrections_skip_the_night_and_a_second_night_waits_for_nobody(
    desk: Callable[[int], Any], low: Path, redis_url: str
) -> None:
    made: Path = await desk(3)
    first, second = started(made, low, redis_url), started(made, low, redis_url)
    codes = []
    for process in (first, second):
        output, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE_SECONDS)
        codes.append(process.returncode)
        assert "expected 20 corrections" in output or "expected no other night" in output
    assert set(codes) <= {0, 3}
    assert 0 in codes
    assert [row.ending for row in await asyncio.to_thread(rows, made)] == ["skipped"]
