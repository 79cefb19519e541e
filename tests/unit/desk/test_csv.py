"""CSV files as they come, and what is said of those that are none."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from osiris_desk.market import dates
from osiris_desk.market.bundled import bundled_csv
from osiris_desk.market.csv_file import CsvBars, CsvError, read


def load(folder: Path, text: str | bytes) -> CsvBars:
    path = folder / "spy.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path)


@pytest.mark.parametrize(
    "header",
    [
        "timestamp,open,high,low,close,volume",
        "Date,Open,High,Low,Close,Volume",
        " DATETIME , OPEN , HIGH , LOW , CLOSE , VOLUME ",
        "time,Open,high,LOW,Close,vOLUME",
        "\ufeffTimestamp,Open,High,Low,Close,Volume",
        '"Date","Open","High","Low","Close","Volume"',
    ],
)
def test_headers_come_in_any_case(tmp_path: Path, header: str) -> None:
    bars = load(tmp_path, f"{header}\n2023-10-02,1,3,0.5,2,100\n").bars
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]) == (1, 3, 0.5, 2, 100)
    assert bars.adj_close is None


@pytest.mark.parametrize("name", ["adj close", "Adj Close", "adj_close", "ADJ_CLOSE"])
def test_an_adjusted_close_may_be_there_and_may_be_empty(tmp_path: Path, name: str) -> None:
    text = f"Date,Open,High,Low,Close,{name},Volume\n2023-10-02,1,1,1,1,0.9,5\n2023-10-03,1,1,1,1,,5\n"
    adjusted = load(tmp_path, text).bars.adj_close
    assert adjusted is not None
    assert adjusted[0] == 0.9
    assert np.isnan(adjusted[1])


@pytest.mark.parametrize(
    "text",
    [
        "2023-10-02 09:30",
        "2023-10-02 09:30:00",
        "2023-10-02T09:30:00Z",
        "2023-10-02T11:30:00+02:00",
        "20231002T093000",
        "10/02/2023 09:30",
        "10/2/2023 09:30:00",
    ],
)
def test_the_same_moment_in_every_form(tmp_path: Path, text: str) -> None:
    moment = datetime(2023, 10, 2, 9, 30, tzinfo=UTC)
    assert dates.parse(text) == moment
    bars = load(tmp_path, f"Date,Open,High,Low,Close,Volume\n{text},1,1,1,1,1\n").bars
    assert dates.from_micros(int(bars.time[0])) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2023-02-30", "13/01/2023", "1696118400", "1612110112345", "2023"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected YYYY-MM-DD"):
        dates.parse(text)


def test_a_day_as_an_end_includes_the_day() -> None:
    assert dates.parse_end("2023-10-02") == datetime(2023, 10, 2, 23, 59, 59, 999999, tzinfo=UTC)
    assert dates.parse_end("10/02/2023") == dates.parse_end("2023-10-02")
    assert dates.parse_end("2023-10-02 09:30") == dates.parse("2023-10-02 09:30")


def test_broken_rows_are_left_out_counted_and_told_with_their_lines(tmp_path: Path) -> None:
    rows = [
        "Date,Open,High,Low,Close,Volume",
        "2023-10-02,1,2,1,2,5",  # 2
        "2023-10-03,x,2,1,2,5",  # 3
        "2023-10-04,1,NaN,1,2,5",  # 4
        "2023-10-05,1,1,2,1,5",  # 5
        "",  # a blank line is no row
        "2023-10-01,1,2,1,2,5",  # 7
        "2023-10-06,1,2,1,2",  # 8
        "2023-10-07,0,2,1,2,5",  # 9
        "2023-10-08,1,2,1,2,-5",  # 10
        "soon,1,2,1,2,5",  # 11
        "2023-10-09,1,1e999,1,2,5",  # 12
        "2023-10-10,1,2,1,2,",  # 13
        "2023-10-02,1,2,1,2,5",  # 14
        "2023-10-11,+1.5e0, 2 ,.5,2.,5",  # 15
    ]
    found = load(tmp_path, "\n".join(rows) + "\n")
    assert found.bars.open.tolist() == [1, 1.5]
    kinds = {kind.reason: kind.lines for kind in found.broken}
    assert kinds == {
        "with more or fewer fields than the header": (8,),
        "without a readable time": (11,),
        "with open not a number": (3,),
        "with high NaN or infinite": (4, 12),
        "with volume not a number": (13,),
        "with open <= 0": (9,),
        "with volume < 0": (10,),
        "with high < low": (5,),
        "with a time not after the one before": (7, 14),
    }
    assert found.rows == 13
    assert found.report.startswith("skipped 11 of 13 rows: 1 with more or fewer fields than the header (line 8); ")


def test_only_the_first_lines_of_a_kind_are_named(tmp_path: Path) -> None:
    rows = ["2023-10-02,1,2,1,2,5", *["2023-10-03,x,2,1,2,5"] * 9]
    found = load(tmp_path, "Date,Open,High,Low,Close,Volume\n" + "\n".join(rows))
    assert found.report == "skipped 9 of 10 rows: 9 with open not a number (lines 3, 4, 5, 6, 7, …)"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match=r"expected the column low, volume in .* got Date, Open, High, Close"):
        load(tmp_path, "Date,Open,High,Close\n2023-10-02,1,1,1\n")
    with pytest.raises(CsvError, match="expected the column timestamp"):
        load(tmp_path, "open,high,low,close,volume\n1,1,1,1,1\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"Date,Open,High,Low,Close,Volume\n", "no usable row"),
        (b"Date,Open,High,Low,Close,Volume\n2023-10-02,x,1,1,1,1\n", "no usable row; skipped 1 of 1 rows: 1 with open"),
        (b"Date,Open,High,Low,Close,Volume\n\xff\xfe,1,1,1,1,1\n", "UTF-8"),
        (b"\xff\xfeD\x00a\x00", "UTF-8"),
    ],
)
def test_a_file_without_bars_is_told_in_one_line(tmp_path: Path, text: bytes, told: str) -> None:
    with pytest.raises(CsvError) as caught:
        load(tmp_path, text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match="there is none at"):
        read(tmp_path / "none.csv")


def test_the_bundled_bars_are_whole() -> None:
    found = read(bundled_csv())
    assert (len(found.bars), found.report) == (6225, "")
    assert dates.from_micros(int(found.bars.time[0])) == datetime(2017, 1, 1, 22, tzinfo=UTC)
    assert dates.from_micros(int(found.bars.time[-1])) == datetime(2017, 12, 29, 21, tzinfo=UTC)
