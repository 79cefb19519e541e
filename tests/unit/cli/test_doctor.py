"""The checks of `osiris doctor`, each on a machine that has it and one that has not."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from osiris_cli import checks
from osiris_cli.__main__ import main
from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.settings import CliSettings

GIB = 2**30


def test_an_old_python_fails() -> None:
    assert checks.python((3, 12)).status == "ok"
    assert checks.python((3, 10)).status == "fail"
    assert "3.11" in checks.python((3, 10)).detail


@pytest.mark.parametrize(("free", "status"), [(10 * GIB, "ok"), (2 * GIB, "warn"), (GIB // 2, "fail")])
def test_little_disk_warns_and_none_fails(tmp_path: Path, free: int, status: str) -> None:
    assert checks.disk(tmp_path, free).status == status


@pytest.mark.parametrize(("total", "status"), [(8 * GIB, "ok"), (2 * GIB, "warn"), (GIB // 2, "fail")])
def test_little_memory_warns_and_none_fails(total: int, status: str) -> None:
    assert checks.memory(total).status == status


def test_a_home_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = checks.home(tmp_path / "file" / "home")
    assert (found.status, "OSIRIS_HOME" in found.mend) == ("fail", True)


def test_looking_at_a_home_does_not_make_it(tmp_path: Path) -> None:
    assert checks.home(tmp_path / "new").status == "ok"
    assert not (tmp_path / "new").exists()


def test_a_taken_port_fails(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = CliSettings(home=tmp_path, gateway_port=taken.getsockname()[1])
        assert checks.gateway_port(settings).status == "fail"
    assert checks.gateway_port(settings).status == "ok"


def test_an_embedded_redis_is_found(tmp_path: Path) -> None:
    assert checks.redis(CliSettings(home=tmp_path)).status == "ok"


def test_a_redis_that_forgets_warns_and_one_that_is_away_fails(server: EmbeddedRedis, tmp_path: Path) -> None:
    forgetful = checks.redis(CliSettings(home=tmp_path, redis_url=server.url))
    assert (forgetful.status, "AOF" in forgetful.detail) == ("warn", True)
    away = checks.redis(CliSettings(home=tmp_path, redis_url="redis://user:secret@127.0.0.1:1/0"))
    assert away.status == "fail"
    assert "secret" not in away.detail


def test_a_redis_that_keeps_what_it_holds_is_fine(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert checks.redis(CliSettings(home=tmp_path, redis_url=server.url)).status == "ok"


def test_a_model_that_cannot_be_loaded_fails_and_one_not_made_yet_warns(tmp_path: Path) -> None:
    assert checks.model(tmp_path, "phi3").status == "warn"
    folder = tmp_path / "phi3" / "v1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "model.onnx").write_text("no graph")
    (tmp_path / "phi3" / "current").symlink_to("v1")
    assert checks.model(tmp_path, "phi3").status == "fail"


def test_a_gpu_is_told_and_none_is_needed(tmp_path: Path) -> None:
    assert checks.gpu(None).status == "ok"
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB'\n")
    smi.chmod(0o755)
    assert checks.gpu(str(smi)).detail == "NVIDIA H100, 81559 MiB"
    smi.write_text("#!/bin/sh\nexit 9\n")
    assert checks.gpu(str(smi)).status == "warn"


def test_doctor_prints_a_line_a_check_and_how_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "osiris_cli", "doctor"]
        ran = subprocess.run(
            command, check=False, env={"OSIRIS_GATEWAY_PORT": str(port)}, capture_output=True, text=True
        )
    assert ran.returncode == 1
    assert f"fail  port     127.0.0.1:{port} is taken" in ran.stdout
    assert "mend: free it, or choose another with OSIRIS_GATEWAY_PORT" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_doctor_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    monkeypatch.setenv("OSIRIS_GATEWAY_PORT", str(free))
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found][:2] == ["python", "home"]
    assert code == int(any(each["status"] == "fail" for each in found))
