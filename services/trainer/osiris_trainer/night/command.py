"""`python -m osiris_trainer --once`: one night, and what it is told of."""

import hashlib
import os
import sys
import time
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

import osiris_inference
import osiris_trainer
from osiris_inference.model_store import ModelNotFound
from osiris_mesh.main import load
from osiris_trainer.night import base, night
from osiris_trainer.night.history import Night, Nights
from osiris_trainer.night.night import Origin
from osiris_trainer.night.recipe import Precision, Recipe
from osiris_trainer.night.settings import NightSettings
from osiris_trainer.night.waiting import looked

FAILED, MISCONFIGURED, BUSY = 1, 2, 3

_NEEDED = ("torch", "transformers", "trl", "peft")


def once() -> int:
    """Do the night that is due; returns the exit code."""
    settings = load(NightSettings)
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        return _say(
            f"expected {', '.join(missing)} for the night, not installed here; run make .venv-night/.installed, "
            "then .venv-night/bin/python -m osiris_trainer --once",
            MISCONFIGURED,
        )
    settings.nights.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.nights / ".lock", timeout=0):
            ended = _night(settings)
    except Timeout:
        return _say(f"expected no other night in {settings.nights}, one runs; let it end", BUSY)
    except (ModelNotFound, ValueError) as error:
        return _say(str(error), FAILED)
    _tell(ended)
    return 0


def _night(settings: NightSettings) -> Night:
    _quiet(settings)
    from osiris_trainer.night.steps import RealSteps, source_of

    progress = partial(_progress, time.monotonic())
    origin = Origin(base.fingerprint(source_of(settings)), code(), recipe_of(settings))
    began = datetime.now(UTC)
    ended = night.run(
        origin,
        RealSteps(settings, progress),
        Nights(settings.tables),
        settings.nights,
        kept=settings.kept,
        now=partial(datetime.now, UTC),
        progress=progress,
    )
    looked(settings.tables, began)
    return ended


def recipe_of(settings: NightSettings) -> Recipe:
    """How these settings train on this machine."""
    precision: Precision = "f32"
    if settings.precision != "auto":
        precision = settings.precision
    elif _has_gpu():
        precision = "nf4"
    names = Recipe.model_fields.keys() - {"precision"}
    return Recipe(precision=precision, **{name: getattr(settings, name) for name in names})


def code() -> str:
    """SHA-256 of the code that decides what a night makes of its data."""
    ours, library = (Path(next(iter(package.__path__))) for package in (osiris_trainer, osiris_inference))
    digest = hashlib.sha256()
    for folder in (ours / "night", library / "gguf_onnx", library / "proposing"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _quiet(settings: NightSettings) -> None:
    """For libraries that are imported from now on: no network, and no thread that waits in a loop for another, which on
    a machine that does other work takes five times the processor."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    if settings.threads:
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)


def _has_gpu() -> bool:
    import torch

    found: bool = torch.cuda.is_available()
    return found


def _progress(started: float, text: str) -> None:
    sys.stderr.write(f"{time.monotonic() - started:7.1f} s  {text}\n")


def _tell(ended: Night) -> None:
    why = f": {ended.reason}" if ended.reason else ""
    version = f" {ended.version}" if ended.version else ""
    report = f"report: {ended.report}\n" if ended.report else ""
    sys.stdout.write(f"night {ended.night} {ended.ending}{version}{why}\n{report}")


def _say(message: str, code_: int) -> int:
    sys.stderr.write(f"osiris_trainer: {message}\n")
    return code_
