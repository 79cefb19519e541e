"""`osiris backtest` and `osiris lookahead` as a user types them."""

import json
from pathlib import Path

import pytest
from tests.support.policies import manifest_of, put, variant

from osiris_cli.__main__ import main
from osiris_desk.policy.shipped import ADVISED, TREND, shipped
from osiris_desk.policy.signing import private_key
from osiris_desk.policy.store import PolicyStore
from osiris_versions import Pointers

Captured = pytest.CaptureFixture[str]
WEEK = ["--from", "2017-03-01", "--to", "2017-03-14"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSIRIS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def facts(capsys: Captured, *typed: str) -> dict:
    assert main(["backtest", *typed, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_the_bundled_bars_are_traded_by_a_policy_that_needs_no_model(capsys: Captured) -> None:
    assert main(["backtest", *WEEK, "--html", "page.html"]) == 0
    said = capsys.readouterr().out
    assert f"the current policy, {shipped(ADVISED).version}, asks phi3; without --replay or --model trend" in said
    assert f"policy {shipped(TREND).version}, models: none; EURUSD," in " ".join(said.split())
    for measure in ("CAGR", "Sharpe", "Sortino", "Calmar", "max drawdown", "profit factor", "turnover", "buy and hold"):
        assert measure in said
    assert "on 5 shuffles of the bars, where there is no edge" in said
    assert Path("page.html").read_text().startswith("<!doctype html>")


def test_as_json_it_tells_everything(capsys: Captured) -> None:
    told = facts(capsys, *WEEK, "--controls", "2", "--window", "100", "--step", "50", "--policy", "trend")
    assert (told["policy"], told["models"], told["notes"]) == (shipped(TREND).version, "none", [])
    assert len(told["control"]) == 2
    assert len(told["stretches"]) == (told["bars"] - 100) // 50 + 1
    assert set(told["decisions"]) <= {"passed", "accepted", "rejected"}
    assert sum(told["decisions"].values()) == told["bars"] // 5
    again = facts(capsys, *WEEK, "--controls", "2", "--window", "100", "--step", "50", "--policy", "trend")
    assert {**again, "seconds": 0} == {**told, "seconds": 0}


def test_several_symbols_and_other_rules(capsys: Captured, tmp_path: Path) -> None:
    for name in ("SPY", "QQQ"):
        lines = ["timestamp,open,high,low,close,volume"]
        lines += [f"2024-01-{day:02}T00:00:00Z,{day + 9},{day + 11},{day + 8},{day + 10},1e6" for day in range(1, 31)]
        (tmp_path / f"{name}.csv").write_text("\n".join([*lines, "rubbish,,,,,"]))
    told = facts(capsys, "SPY.csv", "QQQ.csv", "--every", "2", "--max-position", "50")
    assert told["symbols"] == ["SPY", "QQQ"]
    assert sum(told["decisions"].values()) == 30
    assert told["trading"]["exposure"] > 0.1
    assert "skipped 1 of 31 rows" in told["notes"][0]


def test_a_version_of_the_store_or_a_folder_decides(capsys: Captured, home: Path) -> None:
    store = PolicyStore(home / "policies", home / "keys" / "policy.pub")
    code = variant("ENTRY = 1.0", "ENTRY = 0.5")
    version = put(store, code, private_key(home / "keys" / "policy"))
    assert facts(capsys, *WEEK, "--policy", version)["policy"] == version
    store.use(version)
    assert facts(capsys, *WEEK)["policy"] == version
    Path("mine").mkdir()
    Path("mine/policy.py").write_bytes(variant("SIZE = 0.5", "SIZE = 0.25"))
    assert facts(capsys, *WEEK, "--policy", "mine")["policy"] not in (version, shipped(TREND).version)


def test_no_policy_of_the_shipped_looks_ahead_and_one_that_does_is_told_of(capsys: Captured) -> None:
    assert main(["lookahead", *WEEK, "--cuts", "3"]) == 0
    assert f"{shipped(TREND).version} does not look ahead" in capsys.readouterr().out
    steals = """
import sys

def _stolen(features):
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_venues"):
        frame = frame.f_back
    return frame.f_locals["self"]._venues["EURUSD"]._tape.bars.close[-1] > features.close
"""
    Path("thief").mkdir()
    code = variant("import math\n", f"import math\n{steals}").decode()
    Path("thief/policy.py").write_text(code.replace("if strength(features) > ENTRY:", "if _stolen(features):"))
    assert main(["lookahead", *WEEK, "--cuts", "20", "--policy", "thief"]) == 1
    assert "looks ahead: run " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("nowhere.csv", "expected a CSV file, there is none at nowhere.csv"),
        ("empty.csv", "expected a CSV file with a header and bars, empty.csv is empty"),
        ("odd.csv", "expected the column"),
        ("--symbol A --symbol B", "expected a --symbol for each of 1 files, or none, got 2"),
        ("--symbol lower", "expected a symbol of 1 to 12 of A-Z, 0-9, dot, hyphen, was 'lower'"),
        ("--from yesterday", "expected YYYY-MM-DD[ HH:MM[:SS]], ISO 8601 or MM/DD/YYYY, got 'yesterday'"),
        ("--from 2031-01-01", "expected bars from 2031-01-01 to the last,"),
        ("--policy nobody", "expected a policy: advised, trend, a folder with policy.py, or a version;"),
        ("--policy advised", "expected --replay or --model: the policy"),
        ("--policy broken", "expected a policy.py that loads, got SyntaxError"),
        ("--replay nowhere", "expected a recording at nowhere: No such file or directory"),
        ("--replay odd.csv --model", "expected --replay or --model, got both"),
        ("--record x", "expected --record with --model"),
        ("--model --policy advised", "no desk is running"),
        ("--step 5", "expected --step with --window"),
        ("--window 100000", "expected at least 100000 bars, a window, there are 6225"),
        ("--max-position 0", "expected max_position_size_pct above 0"),
        ("--cash nan", "expected starting_cash > 0, was nan"),
        ("--every 0", "Invalid value for '--every'"),
        ("--slippage inf", "expected slippage_impact finite and at least 0, was inf"),
    ],
)
def test_bad_input_is_one_clear_line(capsys: Captured, typed: str, complaint: str) -> None:
    Path("empty.csv").touch()
    Path("odd.csv").write_text("a,b\n1,2\n")
    Path("broken").mkdir()
    Path("broken/policy.py").write_text("x = (")
    code = main(["backtest", *typed.split()])
    said = capsys.readouterr().err
    assert complaint in said
    assert len(said.strip().splitlines()) == 1
    assert code == (1 if complaint == "no desk is running" else 2)


def test_a_current_policy_that_must_not_be_used_is_told_of(capsys: Captured, home: Path) -> None:
    store = PolicyStore(home / "policies", home / "keys" / "policy.pub")
    folder = store.add(code := variant("ENTRY = 1.0", "ENTRY = 0.5"), manifest_of(code))
    Pointers(home / "policies").use(folder)
    assert main(["backtest", *WEEK]) == 2
    assert "the current policy: expected the public key of who signs policies" in capsys.readouterr().err
