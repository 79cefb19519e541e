"""`osiris demo` and `osiris up` as people run them: real processes, real models."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.processes import until

from osiris_cli import run_file
from osiris_cli.network import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("models")]

OSIRIS = (sys.executable, "-m", "osiris_cli")


def environment(home: Path, models: Path, **more: str) -> dict[str, str]:
    where = {"OSIRIS_HOME": str(home), "OSIRIS_MODELS": str(models), "OSIRIS_AZR_PLANNER_PORT": "0"}
    return {**os.environ, **where, **more}


def test_the_demo_shows_a_cycle_as_it_happens_and_ends_with_0(tmp_path: Path, models_root: Path) -> None:
    done = subprocess.run(
        [*OSIRIS, "demo", "--proposals", "1"],
        env=environment(tmp_path, models_root),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    labels = [match[1] for line in done.stdout.splitlines() if (match := re.match(r"  (\w+) {2,}\S", line))]
    for label in ("bars", "proposal", "gate", "critic", "score", "equity", "cycles", "time"):
        assert label in labels, done.stdout
    assert labels.index("bars") < labels.index("proposal") < labels.index("gate") < labels.index("critic")
    seconds = float(re.search(r"first proposal after ([\d.]+) s", done.stdout)[1])  # type: ignore[index]
    assert seconds < 60
    left = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    assert not [command for command in left if str(tmp_path) in " ".join(command)]


async def test_two_desks_run_side_by_side_restart_what_dies_and_leave_nothing(
    tmp_path: Path, models_root: Path
) -> None:
    desks = []
    for name in ("one", "two"):
        home, port = tmp_path / name, str(free_port("127.0.0.1"))
        child = subprocess.Popen(  # noqa: ASYNC220
            [*OSIRIS, "up"],
            env=environment(home, models_root, OSIRIS_GATEWAY_PORT=port, OSIRIS_SIM_SPEED="5x"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        desks.append((child, home, f"http://127.0.0.1:{port}"))
    family: list[psutil.Process] = []
    try:
        async with httpx.AsyncClient(timeout=60) as http:
            for _, _, url in desks:

                async def healthy(url: str = url) -> Any:
                    try:
                        return (await http.get(f"{url}/health")).json()["status"] == "ok"
                    except httpx.TransportError:
                        return False

                await until(healthy, timeout=90, what=f"{url} to be healthy")
            child, home, url = desks[0]
            family = [member for desk in desks for member in psutil.Process(desk[0].pid).children(recursive=True)]
            hermes = run_file.running(home).services["hermes"]  # type: ignore[union-attr]
            os.kill(hermes, signal.SIGKILL)
            answer = await http.post(f"{url}/generate/", json={"prompt": "What is 2+2?", "max_length": 8})
            assert answer.status_code == 200, answer.text

            async def restarted() -> Any:
                found = run_file.running(home)
                return found and found.services.get("hermes") not in (None, hermes)

            await until(restarted, timeout=30)
            family += psutil.Process(child.pid).children(recursive=True)
    finally:
        for child, _, _ in desks:
            child.send_signal(signal.SIGINT)
        started = time.monotonic()
        codes = [await asyncio.to_thread(child.wait, 60) for child, _, _ in desks]
    assert codes == [0, 0]
    assert time.monotonic() - started < 40
    assert [member for member in set(family) if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
