"""Memory that is taken as it is used, and given back at once."""

import ctypes
import gc
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros, 4 KiB of it real where it was written to.

    numpy asks for huge pages: the first token in each part of a big buffer would wait until 2 MiB are cleared, and a
    request of a few tokens take as much memory as the longest.
    """
    kind = np.dtype(dtype)
    memory = mmap.mmap(-1, max(1, int(np.prod(shape)) * kind.itemsize))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, kind, count=int(np.prod(shape))).reshape(shape)


def give_back() -> None:
    """Return what is free to the operating system: glibc keeps what a model that is gone had (malloc_trim(3))."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
