"""Prompt beginnings that were computed before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from osiris_inference.onnx_engine.prefix_cache import BLOCK, Block, PrefixCache, keys_of

tokens = st.lists(st.integers(0, 3), max_size=5 * BLOCK)


def block() -> Block:
    return np.zeros((2, 1, BLOCK, 4), np.float32)


@given(tokens, tokens)
def test_keys_agree_exactly_as_far_as_whole_blocks_do(one: list[int], other: list[int]) -> None:
    shared = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    alike = min(shared // BLOCK, len(keys_of(one)), len(keys_of(other)))
    agreeing = 0
    for left, right in zip(keys_of(one), keys_of(other), strict=False):
        if left != right:
            break
        agreeing += 1
    assert agreeing == alike


def test_the_last_token_is_never_part_of_a_block() -> None:
    assert len(keys_of([1] * BLOCK)) == 0
    assert len(keys_of([1] * (BLOCK + 1))) == 1


def test_what_was_not_used_for_longest_makes_room_and_beginnings_stay() -> None:
    cache = PrefixCache(limit=3 * block().nbytes)
    first, second = keys_of([1] * 200), keys_of([2] * 200)
    cache.add((key, block()) for key in first)
    assert len(cache.longest(first)) == 3
    cache.add([(second[0], block())])
    assert cache.bytes == 3 * block().nbytes
    assert len(cache.longest(first)) == 2  # its end went, not its beginning
    assert (cache.hits, cache.misses) == (5, 1)


@given(st.integers(0, 6), st.lists(tokens, max_size=8))
def test_it_never_holds_more_than_its_limit(blocks: int, prompts: list[list[int]]) -> None:
    cache = PrefixCache(limit=blocks * block().nbytes)
    for prompt in prompts:
        cache.longest(keys_of(prompt))
        cache.add((key, block()) for key in keys_of(prompt))
        assert cache.bytes <= blocks * block().nbytes
