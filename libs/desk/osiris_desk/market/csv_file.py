"""Reads bars from a CSV file; rows that are no bar are left out, counted and reported."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from osiris_contracts import SYMBOL_PATTERN
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars, Floats
from osiris_desk.market.bundled import BUNDLED_SYMBOL, bundled_csv

TIME_NAMES = ("timestamp", "datetime", "date", "time")
PRICES = ("open", "high", "low", "close")
EXAMPLES = 5
"""Line numbers kept of each kind of broken row."""

Mask = npt.NDArray[np.bool_]

_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"


class CsvError(ValueError):
    """A file that gives no bars, in one line for whoever named it."""


def symbol_of(path: Path) -> str:
    """What the bars of `path` are of: the file's name in capitals; the bundled file knows better.

    Raises:
        CsvError: that is no symbol.
    """
    if path.resolve() == bundled_csv().resolve():
        return BUNDLED_SYMBOL
    name = path.stem.upper()
    if not re.fullmatch(SYMBOL_PATTERN, name):
        raise CsvError(f"expected --symbol: the file's name, '{path.stem}', is none (1 to 12 of A-Z, 0-9, dot, hyphen)")
    return name


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows left out for one reason: how many, and the line numbers of the first EXAMPLES."""

    reason: str
    count: int
    lines: tuple[int, ...]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.lines) else ""
        plural = "s" if self.count > 1 else ""
        return f"{self.count} {self.reason} (line{plural} {', '.join(map(str, self.lines))}{more})"


@dataclass(frozen=True, slots=True)
class CsvBars:
    """What a file gave: the bars, and the rows that were none."""

    bars: Bars
    rows: int
    broken: tuple[Broken, ...]

    @property
    def report(self) -> str:
        """One line on the rows left out; '' when there are none."""
        if not self.broken:
            return ""
        left_out = sum(kind.count for kind in self.broken)
        return f"skipped {left_out} of {self.rows} rows: " + "; ".join(map(str, self.broken))


def read(path: Path) -> CsvBars:
    """Read the bars of `path`.

    Raises:
        CsvError: no such file, not a CSV of text, a column missing, or no usable row.
    """
    columns = _find_columns(_header(path), path)
    table, ragged = _read_text(path, columns)
    lines = np.setdiff1d(np.arange(2, table.num_rows + len(ragged) + 2), ragged)
    rows = _Rows(lines, _texts(table))
    rows.reject(ragged, "with more or fewer fields than the header")
    bars = _parse(rows)
    result = CsvBars(bars, rows.total, tuple(rows.broken))
    if len(bars) == 0:
        raise CsvError(f"expected bars in {path}, found no usable row" + (f"; {result.report}" if rows.broken else ""))
    return result


class _Rows:
    """The rows not yet found broken, and what was found of the others."""

    def __init__(self, lines: npt.NDArray[np.int64], texts: dict[str, Any]) -> None:
        blank = np.ones(len(lines), bool)
        for column in texts.values():
            blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
        self.lines = lines
        self.texts = texts
        self.good: Mask = ~blank
        self.total = int(self.good.sum())
        self.broken: list[Broken] = []

    def drop(self, rows: Mask, reason: str) -> None:
        """Leave out those of the good rows that `rows` marks."""
        wrong = self.good & rows
        self.good &= ~rows
        self._note(self.lines[wrong], reason)

    def reject(self, lines: Sequence[int], reason: str) -> None:
        """Note lines that never became rows."""
        self.total += len(lines)
        self._note(np.array(lines, np.int64), reason)

    def _note(self, lines: npt.NDArray[np.int64], reason: str) -> None:
        if len(lines):
            self.broken.append(Broken(reason, len(lines), tuple(lines[:EXAMPLES].tolist())))


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except FileNotFoundError:
        raise CsvError(f"expected a CSV file, there is none at {path}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CsvError(f"expected a CSV file of UTF-8 text, could not read {path}: {error}") from None
    if not any(name.strip() for name in names):
        raise CsvError(f"expected a CSV file with a header and bars, {path} is empty")
    return names


def _find_columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Our name of each column → where it is in the file."""
    found: dict[str, int] = {}
    for place, name in enumerate(header):
        found.setdefault(name.strip().lower().replace(" ", "_"), place)
    time = next((name for name in TIME_NAMES if name in found), None)
    missing = [] if time else ["timestamp (or date, datetime, time)"]
    missing += [name for name in (*PRICES, "volume") if name not in found]
    if missing:
        raise CsvError(f"expected the column {', '.join(missing)} in {path}, got {', '.join(header)}")
    columns = {name: found[name] for name in (*PRICES, "volume", "adj_close") if name in found}
    columns["time"] = found[str(time)]
    columns["fields"] = len(header)
    return columns


def _read_text(path: Path, columns: dict[str, int]) -> tuple[Any, list[int]]:
    """The wanted columns as text, blank lines included, and the lines whose number of fields is wrong."""
    ragged: list[int] = []

    def note(row: Any) -> str:
        ragged.append(row.number)
        return "skip"

    names = [f"f{place}" for place in range(columns["fields"])]
    wanted = {name: place for name, place in columns.items() if name != "fields"}
    try:
        table = pyarrow.csv.read_csv(
            path,
            # one thread: only then is a row's line number known
            read_options=pyarrow.csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=note, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[f"f{place}" for place in wanted.values()],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise CsvError(f"expected a CSV file of UTF-8 text, could not read {path}: {error}") from None
    return table.slice(1).rename_columns(list(wanted)), ragged


def _texts(table: Any) -> dict[str, Any]:
    return {
        name: pc.utf8_trim_whitespace(table[name].combine_chunks())  # an array of its own for each column
        for name in table.column_names
    }


def _parse(rows: _Rows) -> Bars:
    time, readable = dates.column_to_micros(rows.texts["time"])
    rows.drop(~readable, "without a readable time")
    numbers = {name: _numbers(rows, name) for name in (*PRICES, "volume")}
    adjusted = _numbers(rows, "adj_close", optional=True) if "adj_close" in rows.texts else None
    for name in PRICES:
        rows.drop(numbers[name] <= 0, f"with {name} <= 0")
    if adjusted is not None:
        rows.drop(adjusted <= 0, "with adj_close <= 0")
    rows.drop(numbers["volume"] < 0, "with volume < 0")
    rows.drop(numbers["high"] < numbers["low"], "with high < low")
    rows.drop(_goes_back(time, rows.good), "with a time not after the one before")
    return Bars(time, **numbers, adj_close=adjusted).where(rows.good)


def _numbers(rows: _Rows, name: str, *, optional: bool = False) -> Floats:
    """The column as numbers, NaN where there is none; such rows are dropped, unless the cell is empty and may be."""
    texts = rows.texts[name]
    is_number = pc.match_substring_regex(texts, _NUMBER)
    numbers: Floats = pc.cast(pc.if_else(is_number, texts, None), pa.float64()).to_numpy(zero_copy_only=False).copy()
    empty = pc.equal(texts, "").to_numpy(zero_copy_only=False) if optional else np.zeros(len(texts), bool)
    named = pc.match_substring_regex(texts, _NOT_FINITE).to_numpy(zero_copy_only=False)
    rows.drop((named | np.isinf(numbers)) & ~empty, f"with {name} NaN or infinite")
    rows.drop(~is_number.to_numpy(zero_copy_only=False) & ~empty, f"with {name} not a number")
    return numbers


def _goes_back(time: npt.NDArray[np.int64], good: Mask) -> Mask:
    """Which rows are not later than the latest good row before them."""
    latest = np.maximum.accumulate(np.where(good, time, np.iinfo(np.int64).min))
    back = np.zeros(len(time), bool)
    back[1:] = time[1:] <= latest[:-1]
    return back
