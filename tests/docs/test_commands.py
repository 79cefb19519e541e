"""Every command in README and docs is run, as a reader would: against a desk that `osiris up` started."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from osiris_cli import run_file
from osiris_cli.network import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("docs")]

REPOSITORY = Path(__file__).parent.parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
LONG = ("backtest", "learning", "dgm")
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}", marks=[pytest.mark.long] if page.stem in LONG else [])
    for page in PAGES
    for number, block in enumerate(re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL), 1)
]

PROGRAMS = [
    pytest.param(found, id=f"{page.stem}-{found[0]}-{number}")
    for page in PAGES
    for number, found in enumerate(re.findall(r"```(python|js)\n(.*?)```", page.read_text(), re.DOTALL), 1)
]
CLIENTS = REPOSITORY / ".venv-clients"
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, models_root: Path) -> Iterator[dict[str, str]]:
    """A desk that runs; yields the environment in which a reader's commands reach it."""
    home = tmp_path_factory.mktemp("home")
    port, planner = str(free_port("127.0.0.1")), str(free_port("127.0.0.1"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OSIRIS_")},
        "OSIRIS_HOME": str(home),
        "OSIRIS_MODELS": str(models_root),
        "OSIRIS_GATEWAY_PORT": port,
        "OSIRIS_AZR_PLANNER_PORT": planner,
        "PATH": f"{home}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    shim = home / "bin" / "redis-cli"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {sys.executable} -m tests.support.redis_cli "$@"\n')
    shim.chmod(0o755)
    command = [sys.executable, "-m", "osiris_cli", "up"]
    with (home / "up.log").open("wb") as log:
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    give_up = time.monotonic() + 90
    while not (_healthy(port) and _healthy(planner) and _speaks(port)):
        assert time.monotonic() < give_up, (home / "up.log").read_text()
        time.sleep(0.2)
    found = run_file.running(home)
    assert found is not None
    yield {**environment, "OSIRIS_REDIS_URL": found.redis_url, "OSIRIS_GATEWAY_URL": f"http://127.0.0.1:{port}"}
    running.terminate()
    assert running.wait(60) == 0


def _healthy(port: str) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health").json()["status"] == "ok")
    except httpx.TransportError:
        return False


def _speaks(port: str) -> bool:
    return httpx.post(f"http://127.0.0.1:{port}/speak", json={"text": "Ready."}).status_code == 200


def runnable(block: str, environment: dict[str, str]) -> str:
    """The block as it is, but for the place of the desk, and for what would never end."""
    lines = []
    for line in block.splitlines():
        if re.search(r"osiris tail\b", line):
            lines.append(f"timeout 4 {line.partition('#')[0]} || test $? = 124")
        elif re.fullmatch(
            r"make (test|chaos|audit|night|learn-demo|images|rebuild|start|down|logs|dev-shell|release)\b.*", line
        ):
            # part of the suite that runs now, or for an engine of containers, or run elsewhere
            lines.append(f"make -n {line.removeprefix('make ')}")
        elif not re.search(r"osiris up\b", line):  # which `desk` started
            lines.append(line)
    script = "\n".join(lines).replace("localhost:8000", f"localhost:{environment['OSIRIS_GATEWAY_PORT']}")
    script = script.replace("localhost:8001", f"localhost:{environment['OSIRIS_AZR_PLANNER_PORT']}")
    script = script.replace("redis://127.0.0.1:6379/0", environment["OSIRIS_REDIS_URL"])
    return script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs(block: str, desk: dict[str, str], tmp_path: Path) -> None:
    script = runnable(block, desk)
    where = REPOSITORY if "make" in script else tmp_path
    if "make" in script:  # a newcomer has no Redis
        desk = {name: value for name, value in desk.items() if name != "OSIRIS_REDIS_URL"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=desk,
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    said = f"{script}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert '"status":4' not in done.stdout and '"status":5' not in done.stdout, said  # curl does not mind a problem


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: tuple[str, str], desk: dict[str, str], tmp_path: Path) -> None:
    language, source = program
    if language == "js" and not (NODE and (CLIENTS / "node_modules").is_dir()):
        pytest.skip("node and npm are not installed")
    interpreter = str(CLIENTS / "bin/python") if language == "python" else str(NODE)
    path = tmp_path / f"program.{'py' if language == 'python' else 'mjs'}"
    path.write_text(source.replace("localhost:8000", f"localhost:{desk['OSIRIS_GATEWAY_PORT']}"))
    if language == "js":
        (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    done = subprocess.run(
        [interpreter, str(path)], env=desk, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{source}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip() and not re.search("^error ", done.stdout, re.MULTILINE), done.stdout


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            of_the_forge = target.startswith("../../actions/workflows/")  # the badges'; see tests/deploy/test_lint.py
            if not of_the_forge and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
