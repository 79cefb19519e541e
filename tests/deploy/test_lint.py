"""Workflows, YAML, Dockerfiles and scripts, as their linters see them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from charts import REPOSITORY

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yaml"))
DOCKERFILES = sorted((REPOSITORY / "deploy" / "docker").glob("*.Dockerfile"))
SCRIPTS = sorted((REPOSITORY / "deploy").rglob("*.sh"))
OURS = [*WORKFLOWS, REPOSITORY / "compose.yaml", *(REPOSITORY / "deploy").rglob("*"), REPOSITORY / "Makefile"]


def check(*command: object) -> str:
    done = subprocess.run([str(each) for each in command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_actionlint() -> None:
    assert WORKFLOWS
    check(BIN / "actionlint", *WORKFLOWS)


def test_yamllint() -> None:
    check(BIN / "yamllint", "-s", ".github", "compose.yaml", "deploy", ".yamllint.yaml")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint(path: Path) -> None:
    check(BIN / "hadolint", path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_shell_that_any_posix_shell_reads(path: Path) -> None:
    check("sh", "-n", path)
    if shutil.which("dash"):
        check("dash", "-n", path)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_make_and_pins_what_it_uses(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]
    runs = [step["run"] for step in steps if "run" in step]
    targets = [run for run in runs if run.startswith("make ")]
    assert targets and all(run.startswith(("make ", "gh release create")) for run in runs), runs
    for target in targets:
        check("make", "-n", *target.split()[1:])
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", step["uses"]), step["uses"]
    assert all(job["timeout-minutes"] <= 120 for job in jobs)


def test_every_badge_is_of_a_workflow() -> None:
    named = set(re.findall(r"actions/workflows/([\w.-]+)/badge\.svg", (REPOSITORY / "README.md").read_text()))
    assert named == {path.name for path in WORKFLOWS} - {"release.yaml"}


def test_no_registry_is_named() -> None:
    hosts = re.compile(r"(ghcr|docker|quay|nvcr|gcr|mcr|pypi|pythonhosted|registry-1)\.(io|com|org)\b")
    for path in OURS:
        if path.is_file():
            assert not hosts.search(path.read_text()), path
