"""Memory that is taken as it is used, and given back at once, or kept for who asks for it again and again."""

import ctypes
import gc
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


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


@contextmanager
def kept() -> Iterator[None]:
    """Within the block what is freed stays with the process, and what is asked for next is there at once (mallopt(3)).

    glibc takes every big piece from the operating system, and clearing it page by page takes as long as what a training
    step does with it.
    """
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is None:
        yield
        return
    adjust(_MMAP_MAX, 0)
    adjust(_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        adjust(_MMAP_MAX, 65_536)  # glibc's own values
        adjust(_TRIM_THRESHOLD, 128 * 1024)
        give_back()
