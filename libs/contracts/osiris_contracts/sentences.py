"""A text as sentences, short enough to be spoken one by one."""

import re

LONGEST = 280
"""Characters of one sentence at most; a longer one is cut at a comma, else between words."""

_LINE = re.compile(r"\s*\n\s*")
_END = re.compile(r"""(?:[.!?…]+["'”’)\]*]*)(?=\s)""")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_ABBREVIATIONS = frozenset(
    [
        "approx",
        "avg",
        "cf",
        "co",
        "corp",
        "dr",
        "e.g",
        "est",
        "etc",
        "fig",
        "i.e",
        "inc",
        "jr",
        "ltd",
        "max",
        "min",
        "mr",
        "mrs",
        "ms",
        "no",
        "nos",
        "p.a",
        "prof",
        "resp",
        "sr",
        "st",
        "u.k",
        "u.s",
        "vol",
        "vs",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    ]
)


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order, as they are written, none blank and none longer than LONGEST.

    A line break ends a sentence; a point in a number, an abbreviation or an initial does not.
    """
    found = []
    for line in _LINE.split(text.strip()):
        start = 0
        for match in _END.finditer(line):
            if _ends(line, match):
                found.append(line[start : match.end()].strip())
                start = match.end()
        found.append(line[start:].strip())
    return [part for sentence in found for part in _cut(sentence) if any(map(str.isalnum, part))]


def _ends(line: str, match: re.Match[str]) -> bool:
    rest = line[match.end() :].lstrip()
    if not match.group().startswith(".") or len(match.group().rstrip("\"'”’)]*")) > 1:
        return not rest[:1].islower()
    before = line[: match.start()]
    word = before.rsplit(maxsplit=1)[-1].lstrip("(\"'“‘[*") if before.strip() else ""
    if word.isdigit() and before.strip() == word:  # "1. Sell": the number of a list
        return False
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not (initial or word.lower() in _ABBREVIATIONS or rest[:1].islower())


def _cut(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > LONGEST:
        clauses = [match.end() for match in _CLAUSE.finditer(sentence, LONGEST // 3, LONGEST)]
        at = clauses[-1] if clauses else sentence.rfind(" ", 1, LONGEST)
        at = at if at > 0 else LONGEST
        parts.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*parts, sentence]
