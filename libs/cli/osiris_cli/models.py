"""The models of the desk, as a person asks for them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osiris_cli.errors import CliError
from osiris_inference.manifest import is_checkpoint, is_model
from osiris_inference.model_store import ModelNotFound, ModelStore
from osiris_inference.rollout import Rollout, Rollouts

ROLES = ("phi3", "hermes")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a role's model."""

    role: str
    version: str
    current: bool
    bytes: int
    folder: Path


def prepare(root: Path, progress: Callable[[str], None]) -> None:
    """Turn the embedded model into one that the engine loads: once, and for every role that has none.

    Raises:
        CliError: it cannot be made.
    """
    store = ModelStore(root)
    try:
        for role in ROLES:
            if current(root, role) is None:
                store.set_current(role, store.embedded(progress))
    except (OSError, ModelNotFound) as error:
        raise CliError(f"cannot make the embedded model in {root}: {error}", 1) from error


def versions(root: Path, role: str) -> list[Version]:
    """The versions of a role's model, oldest name first."""
    now = current(root, role)
    return [
        Version(role, folder.name, folder.resolve() == now, _size(folder), folder)
        for folder in ModelStore(root).versions(role)
    ]


def current(root: Path, role: str) -> Path | None:
    """The folder of the version that the services load; None when there is none."""
    folder = ModelStore(root).current(role)
    return folder if folder is not None and is_model(folder) else None


def rollouts(root: Path) -> list[Rollout]:
    """The newest rollout of each role that had one.

    Raises:
        CliError: its file is not ours.
    """
    try:
        return [found for role in ROLES if (found := Rollouts(root, role).settle())]
    except ValueError as error:
        raise CliError(str(error), 1) from None


def folder_of(root: Path, role: str, version: str | None) -> Path:
    """The folder of a version, the current one when none is named.

    Raises:
        CliError: there is no such version.
    """
    store = ModelStore(root)
    try:
        folder = store.find(role, version) if version else store.current(role)
    except ModelNotFound as error:
        raise CliError(str(error)) from None
    if folder is None:
        raise CliError(f"expected a current version of {role}, there is none yet; the first start makes one: osiris up")
    return folder


def verify(folder: Path) -> str:
    """Load the model and let it draw a token; what that took, in words.

    Raises:
        CliError: it cannot.
    """
    if is_checkpoint(folder):
        return "a checkpoint for vLLM; hermes itself tries it when it loads it"
    from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig

    async def answer() -> None:
        engine = OnnxEngine(folder, OnnxEngineConfig(slots=1, context=64))
        await engine.load()
        await engine.close()

    started = time.perf_counter()
    try:
        asyncio.run(answer())
    except Exception as error:  # onnxruntime raises types of its own
        first = str(error).splitlines()[0]
        raise CliError(f"expected a model that answers in {folder}: {first}; the version in use stays", 1) from None
    return f"loads and answers, {time.perf_counter() - started:.1f} s"


def use(root: Path, role: str, folder: Path) -> None:
    """Let a role use the model in `folder` from now on."""
    ModelStore(root).set_current(role, folder)


def rollback(root: Path, role: str) -> Path:
    """Let a role use the version it used before, and no canary; its folder.

    Raises:
        CliError: there was none.
    """
    rollouts = Rollouts(root, role)
    begun = rollouts.settle()
    if begun is not None and begun.is_open and rollouts.withdraw(begun, "osiris models rollback"):
        return Path(begun.before_folder)
    try:
        return ModelStore(root).rollback(role)
    except ModelNotFound as error:
        raise CliError(str(error)) from None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
