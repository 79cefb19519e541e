"""LoRA adapters by name (PEFT folders), and what keeps them apart on the CPU."""

import json
from pathlib import Path

from osiris_inference.protocol import AdapterNotFound

ZERO = ".zero"
"""Name of the adapter that changes nothing."""

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"


class Adapters:
    """The adapters in a folder.

    Args:
        folder: a folder each adapter; None: there are none.
        scratch: where the adapter that changes nothing is written.
    """

    def __init__(self, folder: Path | None, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self._numbers: dict[str, int] = {}

    def names(self) -> list[str]:
        """Those that are there now."""
        if self._folder is None:
            return []
        return sorted(path.parent.name for path in self._folder.glob(f"*/{_CONFIG}"))

    def find(self, name: str) -> tuple[int, Path]:
        """Number and folder of an adapter; a number stays with its name.

        Raises:
            AdapterNotFound: there is none of this name.
        """
        known = self.names()
        if self._folder is None or name not in known:
            raise AdapterNotFound(f"expected an adapter ({', '.join(known) or 'there are none'}), got {name}")
        return self._number(name), self._folder / name

    def zero(self) -> tuple[int, Path]:
        """Number and folder of an adapter that changes nothing, of the shape of the first one that is there."""
        folder = self._scratch / ZERO
        if not folder.exists():
            _write_zero(self.find(self.names()[0])[1], folder)
        return self._number(ZERO), folder

    @property
    def rank(self) -> int:
        """Rank of the largest."""
        folders = (self.find(name)[1] for name in self.names())
        return max((_rank_of(folder) for folder in folders), default=16)

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)


def _rank_of(folder: Path) -> int:
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    return int(config["r"])


def _write_zero(model: Path, folder: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    folder.mkdir(parents=True)
    (folder / _CONFIG).write_bytes((model / _CONFIG).read_bytes())
    save_file({name: np.zeros_like(each) for name, each in load_file(model / _WEIGHTS).items()}, folder / _WEIGHTS)
