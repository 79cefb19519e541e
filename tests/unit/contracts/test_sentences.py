"""How a text is cut into what is said in one breath."""

import pytest

from osiris_contracts import sentences
from osiris_contracts.sentences import LONGEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rose. It fell! Did it?", ["It rose.", "It fell!", "Did it?"]),
        ("Close 1.0831, stop 1.0790. Wait.", ["Close 1.0831, stop 1.0790.", "Wait."]),
        ("The U.S. print beat, e.g. CPI vs. 0.3 %. Buy.", ["The U.S. print beat, e.g. CPI vs. 0.3 %.", "Buy."]),
        ("One line\nScore: 7/10", ["One line", "Score: 7/10"]),
        ("1. Sell.\n2. Buy.", ["1. Sell.", "2. Buy."]),
        ('He said "sell." Then he sold...', ['He said "sell."', "Then he sold..."]),
        (" ... !!\n--", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_sentence_is_cut_at_a_comma_and_nothing_of_it_is_lost() -> None:
    text = "the price of it rose, " * 60
    parts = sentences(text)
    assert all(len(part) <= LONGEST for part in parts)
    assert all(part.endswith(",") for part in parts)
    assert " ".join(parts) == text.strip()
    assert "".join(sentences("x" * 1000)) == "x" * 1000
