"""A page that keeps what a bench measured, between two markers."""

from pathlib import Path


def keep(page: Path, name: str, lines: list[str]) -> None:
    """Put `lines` between `<!-- name -->` and `<!-- /name -->`, in place of what was there."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"expected {page} to have {begin} and {end}, it has not both")
    before, after = text.partition(begin)[0], text.partition(end)[2]
    page.write_text("\n".join([f"{before}{begin}", *lines, f"{end}{after}"]), encoding="utf-8")
