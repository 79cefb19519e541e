"""The night starts at its hour, in a process of its own, and goes on when it is killed."""

import asyncio
import sys
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest

from osiris_cli import nightly
from osiris_cli.errors import CliError
from osiris_cli.settings import CliSettings
from osiris_cli.supervisor import Backoff, Service, Supervisor

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(("at", "hours"), [(time(13), 1), (time(2), 14), (time(12), 24), (time(11, 59), 24 - 1 / 60)])
def test_it_waits_until_the_next_time_it_is_that_late(at: time, hours: float) -> None:
    assert nightly.seconds_until(at, NOON) == pytest.approx(hours * 3600)


@pytest.mark.parametrize("text", ["2", "24:00", "two", "02:00:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(CliError, match=r"expected a time of day such as 02:00"):
        nightly.hour(text)


def test_a_missing_environment_is_told_by_day(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"run make \.venv-night/\.installed"):
        nightly.service(CliSettings(night_python=tmp_path / "python"), {})


async def test_a_night_that_dies_is_started_again_and_a_later_one_follows(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    script = (
        f"import os; log = open({str(lives)!r}, 'a'); log.write('x'); log.flush()\n"
        "if log.tell() == 1: os.kill(os.getpid(), 9)"
    )
    night = Service("night", (sys.executable, "-c", script), restart="on-failure")
    supervise = partial(Supervisor, logs=tmp_path, backoff=Backoff(first=0.01))
    clock = iter(NOON - timedelta(seconds=0.05) for _ in range(99))
    async with nightly.every_night(time(12), night, supervise, now=lambda: next(clock)):
        async with asyncio.timeout(20):
            while not lives.exists() or len(lives.read_text()) < 3:
                await asyncio.sleep(0.02)
    assert (tmp_path / "night.log").exists()
