"""Mutators: what they give compiles, stays within the allow-list, and differs from what it came from."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_contracts.kernel import CHANGES
from osiris_desk.policy.loading import load
from osiris_desk.policy.shipped import NAMES, code_of
from osiris_dgm.mutators import NotApplicable, mutate
from osiris_dgm.verify import static

BY_HAND = [change for change in CHANGES if change[1] != "rewrite"]


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 2**32),
    changes=st.lists(st.sampled_from(BY_HAND), min_size=1, max_size=6),
)
def test_whatever_is_changed_it_compiles_loads_and_stays_within_the_allow_list(
    name: str, seed: int, changes: list[tuple[str, str]]
) -> None:
    dice = random.Random(seed)
    code = code_of(name).decode()
    other = code_of("trend" if name == "advised" else "advised").decode()
    for part, kind in changes:
        try:
            changed = mutate(code, part, kind, dice, other)  # type: ignore[arg-type]
        except NotApplicable:
            continue
        assert changed != code
        code = changed
    static.check(code.encode())
    load(code.encode(), "candidate")


@pytest.mark.parametrize(
    ("part", "kind"),
    [("entry", "constant"), ("entry", "operator"), ("entry", "guard"), ("size", "constant"), ("gate", "constant")],
)
def test_one_seed_one_change(part: str, kind: str) -> None:
    code = code_of("trend").decode()
    one, two = (mutate(code, part, kind, random.Random(3)) for _ in range(2))  # type: ignore[arg-type]
    assert one == two != code


def test_a_crossing_takes_the_part_with_its_constants_and_leaves_the_others_alone() -> None:
    code = code_of("trend").decode()
    other = code.replace("EXIT = 0.0", "EXIT = 0.4").replace("ENTRY = 1.0", "ENTRY = 2.0")
    crossed = load(mutate(code, "exit", "crossover", random.Random(0), other).encode(), "x").policy
    text = mutate(code, "exit", "crossover", random.Random(0), other)
    assert "EXIT_exit = 0.4" in text
    assert "ENTRY = 1.0" in text
    assert crossed.prompt(None) is None  # type: ignore[arg-type]


def test_what_has_no_place_for_a_change_says_so() -> None:
    with pytest.raises(NotApplicable, match="function"):
        mutate(code_of("trend").decode(), "gate", "guard", random.Random(0))
