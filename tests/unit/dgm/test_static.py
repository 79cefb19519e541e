"""What a candidate may not hold, found without running it."""

import pytest

from osiris_desk.policy.shipped import NAMES, code_of
from osiris_dgm.verify import static
from osiris_dgm.verify.static import Unfit


@pytest.mark.parametrize("name", NAMES)
def test_shipped_policies_pass(name: str) -> None:
    static.check(code_of(name))
    assert static.score(code_of(name)) >= static.LEAST_SCORE


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os", "imports of"),
        ("from os import path", "imports of"),
        ("from . import x", "imports of"),
        ("import math, socket", "socket"),
        ("x = eval('1')", "no eval"),
        ("x = __builtins__", "no __builtins__"),
        ("x = ().__class__", "no attribute __class__"),
        ("def f(): return getattr(f, 'x')", "no getattr"),
        ("def f():\n    global x", "no global"),
        ("def f():\n    while True: pass", "no while"),
        ("print('loaded')", "definitions alone"),
        ("for x in (1,): pass", "definitions alone"),
        ("def entry(: pass", "compiles"),
        ("x = " + "(" * 300 + ")" * 300, "compiles"),
        ("# " + "x" * static.MOST_BYTES, "bytes"),
        ("x = [" + "1," * static.MOST_NODES + "]", "nodes"),
    ],
)
def test_what_is_not_allowed_is_refused_with_why(code: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        static.check(code.encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Unfit, match="decode"):
        static.check(b"\xff\xfe")


def test_a_name_that_nothing_defines_is_an_error_and_untidy_code_a_lower_score() -> None:
    with pytest.raises(Unfit, match="F821"):
        static.score(code_of("trend").replace(b"return SIZE", b"return SIZZE"))
    untidy = code_of("trend").replace(b"return SIZE", b"return SIZE if True == True else SIZE")
    assert static.score(untidy) < static.score(code_of("trend"))
