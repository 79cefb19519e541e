"""From the exported folder to a version that phi3 may use: whole or not there, and told of."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import structlog
from filelock import FileLock

from osiris_contracts import ModelId, ModelVersion, streams
from osiris_inference.manifest import Manifest, digests, require_whole
from osiris_mesh import Bus
from osiris_versions.durable import settle

_DRAFT = ".draft-"

_log = structlog.get_logger(__name__)


def publish(
    staged: Path, models: Path, role: ModelId, *, redis_url: str, win_rate: float | None, now: Callable[[], datetime]
) -> Path:
    """Install an exported model and tell phi3 of it; a second time changes nothing. Returns its folder.

    Args:
        win_rate: against the version in use, 0 to 1; None when nobody judged it.

    Raises:
        ValueError: see `install`.
        RedisError: nobody could be told; the version lies there, and the next attempt tells of it.
    """
    folder = install(staged, models, role)

    async def tell() -> None:
        async with Bus(redis_url, "trainer") as bus:
            await announce(bus, folder, role, win_rate, now)

    asyncio.run(tell())
    return folder


def install(staged: Path, models: Path, role: ModelId) -> Path:
    """Copy an exported model to `models/role/version`, where it appears in one rename, with the hashes of its files.

    What a killed attempt left is removed; a version that is there and whole stays as it is.

    Raises:
        ValueError: `staged` is no model of ours, or another one has its name.
    """
    place = models / role
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / ".publish.lock"):
        for left in place.glob(f"{_DRAFT}*"):
            shutil.rmtree(left, ignore_errors=True)
        manifest = replace(Manifest.read(staged), files=digests(staged))
        folder = place / manifest.version
        if folder.exists():
            _require_same(folder, manifest)
            return folder
        draft = place / f"{_DRAFT}{manifest.version}"
        shutil.copytree(staged, draft)
        manifest.write(draft)
        settle(draft)
        require_whole(draft)  # what was read back is what was written
        draft.rename(folder)
        settle(place, deep=False)
    return folder


async def announce(bus: Bus, folder: Path, role: ModelId, win_rate: float | None, now: Callable[[], datetime]) -> None:
    """Tell phi3 of a version; its message id follows from the version, so that a second time has no effect."""
    manifest = Manifest.read(folder)
    version = ModelVersion(
        role=role,
        version=manifest.version,
        published_at=now(),
        lineage=manifest.lineage,
        win_rate=win_rate,
    )
    name = str(uuid5(NAMESPACE_URL, f"{streams.MODELS_PUBLISHED}:{role}:{manifest.version}"))
    await bus.publish(streams.MODELS_PUBLISHED, version, id=name)
    _log.info("published", role=role, version=manifest.version, win_rate=win_rate)


def _require_same(folder: Path, manifest: Manifest) -> None:
    try:
        there = Manifest.read(folder)
        require_whole(folder)
    except (OSError, ValueError) as error:
        raise ValueError(f"expected {folder} to be whole, or not there: {error}; remove it") from error
    if there != manifest:
        raise ValueError(f"expected no other model at {folder}, there is one; remove it, or name this one otherwise")
