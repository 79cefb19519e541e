"""The command line: what it takes, and how it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from osiris_sim.__main__ import main

GOOD = "Date,Open,High,Low,Close,Volume\n2023-10-02,1,2,1,2,5\n2023-10-03,1,2,1,2,5\n"


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spy.csv"
    path.write_text(GOOD)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--speed", "1x", "--delay", "1"], "expected --speed or --delay, got both"),
        (["--speed", "fast"], "--speed: expected a speed"),
        (["--delay", "-1"], "--delay: "),
        (["--delay", "nan"], "--delay: "),
        (["--delay", "soon"], "--delay"),
        (["--from_date", "soon"], "--from_date: expected YYYY-MM-DD"),
        (["--to-date", "2023-02-30"], "--to_date: expected YYYY-MM-DD"),
        (["--from_date", "2024-01-01"], "the file has none: it goes from 2023-10-02"),
        (["--symbol", "no good"], "--symbol: "),
        (["--commission_rate", "-1"], "--commission_rate: "),
        (["--slippage_impact", "inf"], "--slippage_impact: "),
        (["--starting_cash", "0"], "--starting_cash: "),
        (["--seed", "x"], "--seed"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_bad_argument_ends_with_code_2_and_one_line(
    spy: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([spy, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert told in err


def test_speed_and_delay_from_the_environment_are_one_too_many(
    spy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OSIRIS_SIM_SPEED", "2x")
    monkeypatch.setenv("OSIRIS_SIM_DELAY", "2")
    assert main([spy]) == 2
    assert "expected speed or delay, got both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("spy.csv", "", "is empty"),
        ("spy.csv", "Date,Open,High,Low,Close,Volume\n", "no usable row"),
        ("spy.csv", "Date,Open,High,Low,Close\n2023-10-02,1,1,1,1\n", "expected the column volume"),
        ("spy_daily_bars.csv", GOOD, "expected --symbol"),
    ],
)
def test_a_bad_file_ends_with_code_2_and_one_line(
    tmp_path: Path, name: str, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert main([str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert told in err


def test_a_file_that_is_not_there_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/spy.csv"]) == 2
    assert "there is none at /nowhere/spy.csv" in capsys.readouterr().err


def test_a_redis_that_does_not_answer_ends_with_code_1_and_one_line(spy: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "osiris_sim", spy, "--redis_url", f"unix://{tmp_path}/none.sock"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "expected Redis to answer" in done.stderr
    assert done.stderr.count("\n") == 1
