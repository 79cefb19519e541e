"""Keys and values of prompt beginnings that were computed before, kept by content in blocks.

A block is found by a hash of its own tokens chained to all before it: vLLM's automatic prefix caching
(docs.vllm.ai, "Automatic Prefix Caching").
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BLOCK = 64
"""Tokens of a block."""

Block = NDArray[np.generic]
"""Keys and values of BLOCK tokens: (caches, heads, BLOCK, head size)."""

Key = bytes


def keys_of(tokens: list[int], adapter: str | None = None) -> list[Key]:
    """The keys of every whole block of a prompt; the last token is left over, because its logits are wanted.

    With another adapter the same tokens have other keys and values.
    """
    chain, keys = (adapter or "").encode(), []
    for end in range(BLOCK, len(tokens), BLOCK):
        chain = hashlib.blake2b(
            chain + np.array(tokens[end - BLOCK : end], np.int64).tobytes(), digest_size=16
        ).digest()
        keys.append(chain)
    return keys


class PrefixCache:
    """The blocks used last, within a limit.

    Args:
        limit: bytes of keys and values at most; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._blocks: OrderedDict[Key, Block] = OrderedDict()
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._blocks

    def longest(self, keys: list[Key]) -> list[Block]:
        """The blocks from the first on that are there."""
        found = []
        for key in keys:
            if key not in self._blocks:
                break
            found.append(self._blocks[key])
        # the beginning is what most prompts share: it is forgotten last
        for key in reversed(keys[: len(found)]):
            self._blocks.move_to_end(key)
        self.hits += len(found)
        self.misses += len(keys) - len(found)
        return found

    def add(self, blocks: Iterable[tuple[Key, Block]]) -> None:
        """Keep blocks; those that were not used for longest make room."""
        for key, block in blocks:
            if key in self._blocks or block.nbytes > self.limit:
                continue
            while self.bytes + block.nbytes > self.limit:
                _, dropped = self._blocks.popitem(last=False)
                self.bytes -= dropped.nbytes
            self._blocks[key] = block
            self.bytes += block.nbytes
