"""What the desk says of an assessment."""

import pytest

from osiris_orchestrator.speech import spoken_text

LONG = "The proposal " + "and its stop " * 20 + "are fine."


@pytest.mark.parametrize(
    ("assessment", "said"),
    [
        ("The stop is too wide. The target is fine.\nScore: 4/10", "The stop is too wide."),
        ("  Risky at 1.0831\nScore: 2/10", "Risky at 1.0831"),
        ("Short", "Short"),
        ("...", "..."),
    ],
)
def test_the_first_sentence(assessment: str, said: str) -> None:
    assert spoken_text(assessment) == said


def test_a_long_one_is_cut_between_words() -> None:
    said = spoken_text(LONG)
    assert said.endswith("...") and len(said) <= 153
    assert LONG.startswith(said.removesuffix("..."))
    assert LONG[len(said) - 3] == " "
    assert spoken_text("x" * 200) == "x" * 150 + "..."
    assert spoken_text("x" * 150) == "x" * 150
