"""Where a person reads: colours on a terminal, plain text everywhere else."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from osiris_cli.cycle_view import Line, Tone

LABEL_WIDTH = 10
_STYLES: dict[Tone, str] = {"title": "bold cyan", "plain": "", "good": "green", "bad": "red", "quiet": "italic dim"}
_PLAIN_WIDTH = 100


def standard() -> Console:
    """The console on standard output. A pipe or file has no width of its own, and nothing is cut there."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=_PLAIN_WIDTH, color_system=None)
    return console


def table(
    columns: Iterable[str],
    rows: Iterable[tuple[str, ...]],
    *,
    numbers: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> Table:
    """Rows under dim headings; the columns in `numbers` to the right, those in `whole` in one line, to be copied."""
    right, unbroken = frozenset(numbers), frozenset(whole)
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        drawn.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=column in unbroken
        )
    for row in rows:
        drawn.add_row(*row)
    return drawn


def text_width(console: Console) -> int:
    """Characters that a line's text may have."""
    return max(40, min(console.width, _PLAIN_WIDTH) - LABEL_WIDTH - 3)


def show(console: Console, lines: list[Line]) -> None:
    """Print lines, aligned."""
    for line in lines:
        if line.tone == "title":
            console.print()
            console.print(Text(line.text, _STYLES["title"]), soft_wrap=True)
        else:
            label = (f"  {line.label:<{LABEL_WIDTH}} ", "dim")
            console.print(Text.assemble(label, (line.text, _STYLES[line.tone])), soft_wrap=True)
