"""LoRA adapters in onnxruntime's format, by name: `<folder>/<name>.onnx_adapter`.

Their matrices are inputs of the graph, which has zeros in their place. `LoraAdapter` does not reach a graph that runs
with bound memory, so what the file holds is bound like any other input.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from osiris_inference.protocol import AdapterNotFound

SUFFIX = ".onnx_adapter"

Parameters = dict[str, onnxruntime.OrtValue]


def write(path: Path, matrices: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the adapter `path`: what takes the place of a graph's zeros, by the names of its inputs."""
    form = onnxruntime.AdapterFormat()
    form.set_adapter_version(1)
    form.set_model_version(1)
    form.set_parameters({name: onnxruntime.OrtValue.ortvalue_from_numpy(each) for name, each in matrices.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    form.export_adapter(str(path))


class Adapters:
    """The adapters in a folder; one is loaded when it is first asked for, and anew when its file was written anew.

    Args:
        folder: where they lie; None: there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._loaded: dict[str, tuple[float, Parameters]] = {}

    def names(self) -> tuple[str, ...]:
        """Those that are there now."""
        return tuple(sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}"))) if self._folder else ()

    def require(self, name: str | None) -> None:
        """Raise AdapterNotFound when there is none of this name; None is always there."""
        known = self.names()
        if name is not None and name not in known:
            raise AdapterNotFound(f"expected an adapter ({', '.join(known) or 'there are none'}), got {name}")

    def parameters(self, name: str | None) -> Parameters:
        """The inputs that make the adapter of a graph, by name; those whose files are gone are unloaded.

        Raises:
            AdapterNotFound: its file is gone.
        """
        self.require(name)
        for gone in self._loaded.keys() - set(self.names()):
            del self._loaded[gone]
        if name is None or self._folder is None:
            return {}
        path = self._folder / f"{name}{SUFFIX}"
        written = path.stat().st_mtime
        if name not in self._loaded or self._loaded[name][0] != written:
            self._loaded[name] = (written, onnxruntime.AdapterFormat.read_adapter(str(path)).get_parameters())
        return self._loaded[name][1]
