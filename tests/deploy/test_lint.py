"""Workflows, YAML, Dockerfiles and scripts, as their linters see them."""

import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import charts
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


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_the_secrets_are_those_that_the_charts_name(tmp_path: Path, helm: Path) -> None:
    users = tmp_path / "redis-users"
    users.mkdir()
    (users / "users.acl").write_text("user default off\n")
    for name in ("gateway", "hermes", "phi3", "tts", "sim", "orchestrator", "trainer", "scaler"):
        (users / f"{name}.env").write_text(f"OSIRIS_REDIS_URL=redis://{name}:secret@osiris-redis:6379/0\n")
    done = subprocess.run(
        ["sh", charts.HELM / "secrets.sh", "osiris"],
        env={**os.environ, "OSIRIS_HOME": str(tmp_path), "OSIRIS_GATEWAY_API_KEY": "a-key-of-sixteen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = [each for each in yaml.safe_load_all(done.stdout) if each]
    names = [each["metadata"]["name"] for each in made]
    assert len(names) == len(set(names))
    [scaler] = [each["data"] for each in made if each["metadata"]["name"] == "osiris-redis-scaler"]
    assert {key: b64decode(value) for key, value in scaler.items()} == {"username": b"scaler", "password": b"secret"}
    for manifest in charts.render(helm / charts.UMBRELLA):
        for variable in variables(manifest):
            if "valueFrom" in variable:
                assert variable["valueFrom"]["secretKeyRef"]["name"] in names, variable


def variables(manifest: charts.Manifest) -> list[charts.Manifest]:
    """The environment of a workload's container."""
    spec = manifest.get("spec", {})
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
    containers: list[charts.Manifest] = template.get("spec", {}).get("containers", [])
    return [variable for container in containers for variable in container.get("env", [])]
