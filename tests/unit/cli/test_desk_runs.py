"""`osiris up` and `osiris demo` with a real Redis and real processes.

The services are stand-ins that publish recorded messages: what they think is tested with them, how they are run here.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from redis import Redis

from osiris_cli import desk, run_file
from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import free_port
from osiris_cli.settings import CliSettings

# Publishes the entries of argv[1], each [stream, fields], to the Redis it was told, saves its book, then lives on.
PUBLISH = """
import json, os, sys, time
from redis import Redis
redis = Redis.from_url(os.environ["OSIRIS_REDIS_URL"])
for stream, fields in json.loads(sys.argv[1]):
    redis.xadd(stream, fields)
redis.set("state:orchestrator", "its book")
time.sleep(600)
"""

# Runs the command line argv[2:] with the stand-ins of argv[1], {name: argv}, in place of the services.
COMMAND = """
import json, sys
from osiris_cli import desk
from osiris_cli.__main__ import main
from osiris_cli.supervisor import Service
def stand_ins(settings, redis_url, redis, extra):
    env = desk.environment(settings, redis_url)
    return [Service(name, argv, env, restart="on-failure") for name, argv in json.loads(sys.argv[1]).items()]
desk.services = stand_ins
sys.exit(main(sys.argv[2:]))
"""

RUN, ORDER = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
PROPOSAL = {
    "ticker": "SPY",
    "action": "adjust",
    "side": "LONG",
    "new_stop_pct": 2,
    "confidence": 0.7,
    "rationale": "Breadth is strong.",
}
CREATED = {
    "transaction_id": RUN,
    "created_at": "2024-01-02T14:30:00Z",
    "origin": "orchestrator",
    "prompt": "…",
    "proposal": PROPOSAL,
    "model_version": "embedded",
}
BARS = {"first": "2024-01-02T14:30:00Z", "last": "2024-01-02T18:30:00Z", "count": 5}
DECISION = {
    "run_id": RUN,
    "sequence": 1,
    "symbol": "SPY",
    "status": "accepted",
    "bars": BARS | {"open": 471.2, "high": 473, "low": 470.1, "close": 472.65},
    "proposal": PROPOSAL,
    "verdict": {"accepted": True},
    "critique": {"text": "The stop is wide.", "score": 7, "model_version": "embedded"},
    "order": {"order_id": ORDER, "symbol": "SPY", "side": "BUY", "quantity": 21},
    "book": {
        "cash": 100000,
        "nav": 100000,
        "realised_pnl": 0,
        "daily_pnl": 0,
        "fees": 0,
        "position": {"quantity": 0, "average_cost": 0},
    },
    "policy_version": "1",
}
FILL = {
    "kind": "fill",
    "order_id": ORDER,
    "symbol": "SPY",
    "side": "BUY",
    "quantity": 21,
    "price": 471.93,
    "fee": 1.5,
    "timestamp": "2024-01-02T19:30:00Z",
    "reason": "order",
}
CHUNK = {"kind": "chunk", "index": 0, "text": "The stop is wide."}
CYCLE = [
    ["market.fills", {"data": "no JSON"}],
    ["phi3.proposal.created", {"data": json.dumps(CREATED)}],
    ["orchestrator.replies", {"data": json.dumps(CHUNK), "source": "hermes", "correlationid": RUN}],
    ["advice.generated", {"data": json.dumps(DECISION)}],
    ["market.fills", {"data": json.dumps(FILL)}],
]
SLEEP = ["sleep", "600"]


def publishing(entries: object) -> list[str]:
    return [sys.executable, "-c", PUBLISH, json.dumps(entries)]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts `osiris …` with stand-ins for the services, in a home that has models."""
    for role in ("phi3", "hermes"):
        folder = tmp_path / ".osiris" / "models" / role / "v1"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder.parent / "current").symlink_to("v1")

    def start(stand_ins: dict[str, list[str]], *typed: str, planner_port: str = "0") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", COMMAND, json.dumps(stand_ins), *typed]
        environment = {**os.environ, "OSIRIS_AZR_PLANNER_PORT": planner_port}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


Start = Callable[..., "subprocess.Popen[str]"]


def wait_for_desk(home: Path) -> run_file.RunFile:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = run_file.running(home)
        if found is not None and {"redis", "phi3"} <= set(found.services):
            return found
        time.sleep(0.02)
    raise AssertionError("no desk came up")


def test_the_demo_begins_anew_shows_a_cycle_and_ends_by_itself(start: Start, tmp_path: Path) -> None:
    old = tmp_path / ".osiris" / "demo" / "data" / "old"
    old.mkdir(parents=True)
    demo = start({"orchestrator": publishing(CYCLE), "sim": SLEEP}, "demo", "--proposals", "1")
    said, complaints = demo.communicate(timeout=30)
    assert (demo.returncode, complaints) == (0, "")
    labels = [line[:12].strip() for line in said.splitlines() if line.strip()]
    cycle = ["cycle 1 of 1", "proposal", "", "bars", "gate", "critic", "score", "order", "equity", "fill"]
    assert labels == ["desk", "logs", "error", *cycle, "summary", "cycles", "critic", "fills", "equity", "time"]
    assert "\x1b" not in said
    assert not old.exists()
    assert run_file.running(tmp_path / ".osiris" / "demo") is None


def test_a_demo_on_a_redis_of_yours_leaves_no_book_and_spoils_none(
    start: Start, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", server.url)
    with Redis.from_url(server.url) as redis:
        for _ in range(2):  # the second reads on behind the first
            demo = start({"orchestrator": publishing(CYCLE), "sim": SLEEP}, "demo", "--proposals", "1")
            said, complaints = demo.communicate(timeout=30)
            assert (demo.returncode, complaints) == (0, "")
            assert said.count("cycle 1 of 1") == 1
            assert redis.keys("state:*") == []
        redis.set("state:orchestrator", "somebody's book")
        demo = start({"sim": SLEEP}, "demo")
        _, complaints = demo.communicate(timeout=30)
        assert demo.returncode == 2
        assert "would spoil its book" in complaints
        assert redis.get("state:orchestrator") == b"somebody's book"


def test_a_demo_whose_service_keeps_dying_says_which_and_why(start: Start, tmp_path: Path) -> None:
    dying = ["sh", "-c", "echo no model here; exit 4"]
    demo = start({"phi3": dying, "sim": SLEEP}, "demo")
    _, complaints = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert complaints.startswith("osiris: phi3 is restarting after exit code 4 (no model here |")
    assert complaints.endswith(f"logs in {tmp_path / '.osiris' / 'demo' / 'logs'}\n")


def test_a_demo_without_progress_gives_up(start: Start) -> None:
    demo = start({"phi3": SLEEP, "sim": SLEEP}, "demo", "--patience", "1")
    _, complaints = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert complaints.startswith("osiris: no progress for 1 s: every service runs")


def test_a_desk_runs_until_it_is_told_to_stop_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    home = tmp_path / ".osiris"
    up = start({"phi3": SLEEP, "sim": ["true"]}, "up", "--port", str(free_port("127.0.0.1")))
    found = wait_for_desk(home)
    second = start({"phi3": SLEEP}, "up", "--port", str(free_port("127.0.0.1")))
    _, complaints = second.communicate(timeout=10)
    assert second.returncode == 2
    assert complaints == (
        f"osiris: expected nobody at work in {home}, but process {up.pid} is; "
        "stop it, or choose another folder with --home\n"
    )
    up.send_signal(signal.SIGINT)
    said, complaints = up.communicate(timeout=10)
    assert (up.returncode, complaints) == (0, "")
    assert f"gateway {found.gateway_url}" in said
    assert "sim completed" in said
    assert "phi3 stopped" in said
    assert run_file.running(home) is None
    assert not any(psutil.pid_exists(pid) for pid in found.services.values())


def test_two_desks_with_homes_and_ports_of_their_own_run_side_by_side(start: Start, tmp_path: Path) -> None:
    desks = []
    for name in ("a", "b"):
        home = tmp_path / name
        home.mkdir()
        (home / "models").symlink_to(tmp_path / ".osiris" / "models")
        desks.append(start({"phi3": SLEEP}, "up", "--home", str(home), "--port", str(free_port("127.0.0.1"))))
    found = [wait_for_desk(tmp_path / name) for name in ("a", "b")]
    assert len({each.redis_url for each in found} | {each.gateway_url for each in found}) == 4
    for each in desks:
        each.send_signal(signal.SIGTERM)
        each.communicate(timeout=10)
        assert each.returncode == 0


def test_a_taken_port_is_bad_input(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        up = start({"phi3": SLEEP}, "up", "--port", port)
        _, complaints = up.communicate(timeout=10)
        other = start({"phi3": SLEEP}, "up", "--port", str(free_port("127.0.0.1")), planner_port=port)
        _, planners = other.communicate(timeout=10)
    assert (up.returncode, other.returncode) == (2, 2)
    assert complaints.startswith(f"osiris: expected port {port} on 127.0.0.1 for the gateway, it is taken")
    assert planners.startswith(f"osiris: expected port {port} on 127.0.0.1 for the planner, it is taken")
    assert "OSIRIS_AZR_PLANNER_PORT" in planners


def test_a_killed_desk_is_not_taken_for_a_running_one(start: Start, tmp_path: Path) -> None:
    up = start({"phi3": SLEEP}, "up", "--port", str(free_port("127.0.0.1")))
    wait_for_desk(tmp_path / ".osiris")
    up.kill()
    up.communicate()
    assert (tmp_path / ".osiris" / run_file.NAME).exists()
    assert run_file.running(tmp_path / ".osiris") is None


def test_every_service_is_told_where_its_desk_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSIRIS_HOME", "elsewhere")
    settings = CliSettings(home=tmp_path, gateway_port=8123, dgm=True)
    services = desk.services(settings, "unix:///x.sock", None, {"OSIRIS_SIM_SPEED": "20x"})
    assert [service.name for service in services] == list(desk.SERVICES)
    for name, setting in (("tts", "speech"), ("azr_planner", "planner"), ("watchdog", "watchdog")):
        without = desk.services(settings.model_copy(update={setting: False}), "unix:///x.sock", None, {})
        assert [service.name for service in without] == [each for each in desk.SERVICES if each != name]
    demo = desk.services(settings.demo, "unix:///x.sock", None, {})
    assert [service.name for service in demo] == [
        name for name in desk.SERVICES if name not in ("azr_planner", "watchdog", "dgm")
    ]
    for service in services:
        assert service.argv == (sys.executable, "-m", f"osiris_{service.name}")
        told = {name: value for name, value in service.env.items() if name.startswith("OSIRIS_")}
        assert told == {
            "OSIRIS_HOME": str(tmp_path),
            "OSIRIS_MODELS": str(tmp_path / "models"),
            "OSIRIS_TABLES": str(tmp_path / "data" / "lancedb"),
            "OSIRIS_REDIS_URL": "unix:///x.sock",
            "OSIRIS_GATEWAY_HOST": "127.0.0.1",
            "OSIRIS_GATEWAY_PORT": "8123",
            "OSIRIS_AZR_PLANNER_HOST": "127.0.0.1",
            "OSIRIS_AZR_PLANNER_PORT": "8124",
            "OSIRIS_SIM_SPEED": "20x",
        }
    assert [service.name for service in services if service.restart == "on-failure"] == ["sim"]
    assert os.environ["OSIRIS_HOME"] == "elsewhere"
