"""The checks of `osiris doctor`, each on a machine that has it and one that has not."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from osiris_cli import checks, forgotten
from osiris_cli.__main__ import main
from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.settings import CliSettings
from osiris_mesh.connection import connect
from osiris_mesh.groups import Consumer

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
        planners = CliSettings(home=tmp_path, azr_planner_port=taken.getsockname()[1])
        assert checks.planner_port(planners).status == "fail"
        assert "OSIRIS_AZR_PLANNER_PORT" in checks.planner_port(planners).mend
        assert checks.planner_port(planners.model_copy(update={"planner": False})).status == "ok"
    assert checks.gateway_port(settings).status == "ok"
    assert checks.planner_port(planners).status == "ok"


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


def test_the_voice_is_loaded_unless_the_desk_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.voice(True).detail == "hibari, loads"
    assert checks.voice(False).detail == "off: OSIRIS_SPEECH"
    monkeypatch.setattr(checks, "VOICE", "mute")
    assert checks.voice(True).status == "fail"


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


TICKS = "market.ticks"


@pytest.fixture
def redis(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """The Redis of a desk, with five bars of three days ago on it."""
    monkeypatch.setenv("OSIRIS_REDIS_URL", server.url)
    long_ago = int((time.time() - 3 * 86_400) * 1000)
    with Redis.from_url(server.url, decode_responses=True) as client:
        for number in range(5):
            client.xadd(TICKS, {"data": "x"}, id=f"{long_ago + number}-0")
        yield client


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second of silence counts as a day: Redis does not let anybody set its clock."""
    for name in ("SILENT_SECONDS", "GONE_SECONDS", "CONSUMER_GONE_SECONDS"):
        monkeypatch.setattr(forgotten, name, 0.1)


def checked(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[dict[str, str]]]:
    """What doctor finds, by check."""
    main(["doctor", "--json", *options])
    found: dict[str, list[dict[str, str]]] = {}
    for check in json.loads(capsys.readouterr().out):
        found.setdefault(check["name"], []).append(check)
    return found


def living(redis: Redis, service: str, instance: str) -> None:
    """An instance that says it lives."""
    facts = {"service": service, "instance": instance, "ready": True, "in_flight": 0, "started_at": time.time()}
    key = f"presence:{service}:{instance}"
    redis.set(key, json.dumps(facts), ex=60)
    redis.zadd(f"presence:{service}", {key: time.time() + 60})


def groups(redis: Redis) -> set[str]:
    return {each["name"] for each in redis.xinfo_groups(TICKS)}


def test_a_group_that_nobody_reads_for_is_told_and_removed(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    redis.xgroup_create(TICKS, "old_project", id="0")  # made three days ago, as far as one can tell
    redis.xgroup_create(TICKS, "phi3.audit", id="0")
    (theirs, ours) = checked(capsys)["groups"]
    assert theirs["status"] == ours["status"] == "warn"
    assert (
        "nobody reads for old_project of market.ticks (silent for 3 d); 5 entries are kept for it" in (theirs["detail"])
    )
    assert "osiris doctor --fix" in theirs["mend"]
    assert "osiris up" in ours["mend"]
    assert groups(redis) == {"old_project", "phi3.audit"}
    assert [each["detail"][:26] for each in checked(capsys, "--fix", "--yes")["groups"]] == [
        "nobody reads for phi3.audi"
    ]
    assert groups(redis) == {"phi3.audit"}  # a service of this desk only has to be started


def test_doctor_asks_before_it_removes_a_group(redis: Redis) -> None:
    redis.xgroup_create(TICKS, "old_project", id="0")
    command = [sys.executable, "-m", "osiris_cli", "doctor", "--fix"]
    for said, left in (("n", {"old_project"}), ("y", set())):
        done = subprocess.run(command, input=f"{said}\n", capture_output=True, text=True, check=False)
        assert "remove group old_project of market.ticks, silent for 3 d? It gives up 5 entries." in done.stderr
        assert groups(redis) == left


def test_a_group_that_holds_nothing_back_or_has_a_reader_is_left_alone(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = redis.xrevrange(TICKS, count=1)[0][0]
    redis.xgroup_create(TICKS, "finished", id=newest)
    redis.xgroup_create(TICKS, "read", id="0")
    redis.xgroup_create(TICKS, "served", id="0")
    living(redis, "served", "served-1")
    redis.xreadgroup("read", "somebody", {TICKS: ">"}, count=1)
    assert [each["status"] for each in checked(capsys, "--fix", "--yes")["groups"]] == ["ok"]
    assert groups(redis) == {"finished", "read", "served"}


def test_consumers_of_dead_instances_go_unless_they_hold_something(
    redis: Redis, soon: None, capsys: pytest.CaptureFixture[str]
) -> None:
    redis.xgroup_create(TICKS, "hermes", id="0")
    redis.xgroup_createconsumer(TICKS, "hermes", "dead-idle")
    redis.xreadgroup("hermes", "dead-holding", {TICKS: ">"}, count=1)
    redis.xgroup_createconsumer(TICKS, "hermes", "alive")
    living(redis, "hermes", "alive")
    time.sleep(0.2)
    main(["doctor", "--json", "--fix", "--yes"])
    assert "removed 1 consumers of dead instances" in capsys.readouterr().err
    assert {each["name"] for each in redis.xinfo_consumers(TICKS, "hermes")} == {"dead-holding", "alive"}


async def test_a_group_that_wakes_up_meanwhile_is_kept(redis: Redis, server: EmbeddedRedis, soon: None) -> None:
    redis.xgroup_create(TICKS, "sleeper", id="0")
    client = connect(server.url)
    (found,) = (await forgotten.look(client, ["hermes"])).forgotten
    assert found.gone_for_good
    redis.xreadgroup("sleeper", "awake", {TICKS: ">"}, count=1)
    assert not await forgotten.remove_group(client, found.group)
    (holding,) = redis.xinfo_consumers(TICKS, "sleeper")
    assert holding["pending"] == 1
    assert not await forgotten.remove_consumer(client, found.group, Consumer("awake", 0, 9_999.0))
    await client.aclose()
    assert groups(redis) == {"sleeper"}


def test_dead_letters_are_told(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys)["dead"][0]["status"] == "ok"
    redis.xadd("hermes.requests:dead", {"data": "x"})
    (found,) = checked(capsys)["dead"]
    assert (found["status"], found["detail"]) == ("warn", "dead letters: 1 of hermes.requests")
