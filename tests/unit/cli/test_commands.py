"""The commands as a user types them: help, results, and one clear line for every mistake."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis

from osiris_cli.__main__ import main
from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_cli.network import without_password
from osiris_mesh import MeshSettings, Service

COMMANDS = ["up", "control", "demo", "doctor", "ask", "propose", "feedback", "speak", "tail", "lag"]
COMMANDS += ["backtest", "lookahead"]
COMMANDS += ["dead list", "dead show", "dead replay", "dead drop"]
COMMANDS += ["keys add", "keys list", "keys revoke", "keys open"]
COMMANDS += ["models list", "models verify", "models use", "models rollback"]

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def redis(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator["Redis"]:
    """The Redis of a running desk."""
    monkeypatch.setenv("OSIRIS_REDIS_URL", server.url)
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: Captured) -> None:
    assert main([*command.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert f"Usage: osiris {command}" in said
    assert f"osiris {command}" in said.partition("Example:")[2]


def test_help_comes_at_once_and_lists_every_command() -> None:
    started = time.monotonic()
    said = subprocess.run([sys.executable, "-m", "osiris_cli", "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - started < 2  # 0.3 s on an idle machine
    assert all(command.split()[0] in said.stdout for command in COMMANDS)


def test_the_command_alone_shows_its_help(capsys: Captured) -> None:
    assert main([]) == 0
    assert "Usage: osiris" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("foo", "No such command 'foo'"),
        ("demo --proposals 0", "Invalid value for '--proposals'"),
        ("demo --csv nowhere.csv", "expected a CSV file of bars, there is none at nowhere.csv"),
        ("up --port 70000", "OSIRIS_GATEWAY_PORT: Input should be less than or equal to 65535"),
        ("ask", "Missing argument"),
        ("speak hi --speed 9", "Invalid value for '--speed'"),
        ("ask hi --model gpt", "Invalid value for '--model'"),
        ("feedback submit not-a-uuid --type rating --content 3", "Invalid value for"),
        ("dead replay hermes.requests", "expected either --all, or the ID of a dead letter or a filter"),
        ("dead drop hermes.requests 1-0 --all", "expected either --all, or the ID of a dead letter or a filter"),
        ("dead drop hermes.requests --all --group x", "expected either --all, or the ID of a dead letter or a filter"),
        ("dead list --since yesterday", "expected a time such as 2h, 30min, 7d or 2024-01-02T14:30, was 'yesterday'"),
        ("tail market.ticks --count 0", "Invalid value for '--count'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(typed: str, complaint: str, capsys: Captured) -> None:
    assert main(typed.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"osiris: {complaint}")
    assert said.count("\n") == 1


def test_a_bad_variable_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", "localhost:6379")
    assert main(["tail", "market.ticks"]) == 2
    assert "OSIRIS_REDIS_URL: expected a URL that starts with redis://" in capsys.readouterr().err


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", "http://desk:secret@redis.example:6379")
    assert main(["lag"]) == 2
    said = capsys.readouterr().err
    assert "was 'http://redis.example:6379'" in said and "secret" not in said
    assert without_password("unix:///run/redis.sock") == "unix:///run/redis.sock"
    assert without_password("rediss://:p@ss@redis.example/0") == "rediss://redis.example/0"


@pytest.mark.parametrize(
    "typed",
    ["tail market.ticks", "lag", "dead list", "keys list", "doctor --fix", "ask hi", "propose hi", "speak hi"],
)
def test_without_a_desk_it_says_how_to_start_one(typed: str, tmp_path: Path, capsys: Captured) -> None:
    assert main(typed.split()) == 1
    expected = f"osiris: no desk is running in {tmp_path / '.osiris'}; start one with: osiris up"
    assert capsys.readouterr().err.startswith(expected)


def test_a_redis_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("OSIRIS_REDIS_URL", "unix:///nowhere/redis.sock")
    assert main(["dead", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("osiris: expected Redis to answer, it did not:")
    assert said.count("\n") == 1


def test_a_bug_is_one_line_and_its_traceback_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    monkeypatch.setattr("osiris_cli.checks.all_checks", lambda _: 1 / 0)
    assert main(["doctor"]) == 1
    log = tmp_path / ".osiris" / "logs" / "osiris.log"
    assert f"unexpected ZeroDivisionError: division by zero; this is a bug, its traceback is in {log}" in (
        capsys.readouterr().err
    )
    assert "Traceback" in log.read_text()


def test_tail_shows_the_last_entries_and_ends(redis: "Redis", capsys: Captured) -> None:
    for close in range(1, 31):
        redis.xadd("market.ticks", {"data": f'{{"close":{close}}}', "type": "MarketTick", "source": "sim"})
    assert main(["tail", "market.ticks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].endswith('MarketTick sim {"close":21}')
    assert lines[-1].endswith('MarketTick sim {"close":30}')
    for options, closes in ((["--last", "2"], [29, 30]), (["--from-start", "--count", "2"], [1, 2])):
        assert main(["tail", "market.ticks", *options]) == 0
        assert [line.partition('"close":')[2] for line in capsys.readouterr().out.splitlines()] == [
            f"{close}}}" for close in closes
        ]
    assert main(["tail", "market.ticks", "--from-start"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 30


def test_tail_of_a_stream_that_is_not_there_says_so(redis: "Redis", capsys: Captured) -> None:
    assert main(["tail", "market.tikcs"]) == 1
    assert capsys.readouterr().err.startswith(
        "osiris: there is no stream market.tikcs; see those there are: osiris lag"
    )
    assert main(["tail", "watchdog.events"]) == 0
    assert capsys.readouterr().err == "nothing was sent on watchdog.events yet\n"


def test_tail_as_json_gives_every_field(redis: "Redis", capsys: Captured) -> None:
    entry = redis.xadd("market.ticks", {"data": "{}", "time": "2024-01-02T14:30:00Z"})
    assert main(["tail", "market.ticks", "--from-start", "--count", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"id": entry, "fields": {"data": "{}", "time": "2024-01-02T14:30:00Z"}}


@pytest.mark.parametrize("last", ["10", "0"])
def test_tail_follows_until_ctrl_c(last: str, redis: "Redis") -> None:
    command = [sys.executable, "-m", "osiris_cli", "tail", "market.ticks", "--follow", "--last", last]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert tail.stderr is not None and tail.stdout is not None
    assert "no stream market.ticks yet" in tail.stderr.readline()
    time.sleep(0.3)  # it reads now
    for number in (1, 2):
        redis.xadd("market.ticks", {"data": f"number {number}"})
        assert f"number {number}" in tail.stdout.readline()
    tail.send_signal(2)
    assert tail.wait(5) == 0
    assert tail.stderr.read() == ""
    tail.stdout.close()
    tail.stderr.close()


def test_tail_follows_on_from_what_is_there(redis: "Redis", capsys: Captured) -> None:
    for number in range(20):
        redis.xadd("market.ticks", {"data": f"number {number}"})
    assert main(["tail", "market.ticks", "--follow", "--last", "3", "--count", "3"]) == 0
    assert [line[-2:] for line in capsys.readouterr().out.splitlines()] == ["17", "18", "19"]


def test_lag_tells_what_every_group_has_left(redis: "Redis", capsys: Captured) -> None:
    redis.xadd("market.fills", {"data": "nobody reads me"})
    for name in ("answers.0190c6e2", "replies.gateway-1"):  # there may be many thousands
        redis.xadd(name, {"data": "x"})
    for _ in range(10):
        redis.xadd("hermes.requests", {"data": "x"})
    redis.xgroup_create("hermes.requests", "hermes", id="0")
    redis.xgroup_create("hermes.requests", "audit", id="0")
    redis.xreadgroup("hermes", "hermes-a", {"hermes.requests": ">"}, count=4)
    assert main(["lag"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["stream", "length", "group", "lag", "pending", "oldest", "pending", "consumers"]
    assert rows[1:] == [
        ["hermes.requests", "10", "audit", "10", "0", "0"],
        ["hermes", "6", "4", "0", "s", "1"],
        ["market.fills", "1"],
    ]
    assert main(["lag", "hermes.requests", "--json"]) == 0
    (state,) = json.loads(capsys.readouterr().out)
    hermes = state["groups"][1]
    assert (state["length"], hermes["lag"], hermes["pending"], hermes["handled_per_second"]) == (10, 6, 4, None)
    assert [each["name"] for each in hermes["consumers"]] == ["hermes-a"]


def test_lag_watches_how_fast_a_group_is(redis: "Redis") -> None:
    ids = [redis.xadd("in", {"data": "x"}) for _ in range(10)]
    redis.xgroup_create("in", "hermes", id="0")
    command = [sys.executable, "-m", "osiris_cli", "lag", "--watch", "--json"]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watch.stdout is not None
    assert json.loads(watch.stdout.readline())[0]["groups"][0]["handled_per_second"] is None
    redis.xreadgroup("hermes", "a", {"in": ">"})
    redis.xack("in", "hermes", *ids[:8])
    assert 2 < json.loads(watch.stdout.readline())[0]["groups"][0]["handled_per_second"] < 8
    watch.send_signal(2)
    assert watch.wait(5) == 0
    watch.stdout.close()


def dead_letter(redis: "Redis", *, reason: str = "prompt: expected text, was null", **fields: str) -> str:
    about = {
        "dead-id": "1-0",
        "dead-group": "hermes",
        "dead-reason": reason,
        "dead-deliveries": "5",
        "dead-time": "2024-01-02T14:30:00+00:00",
    }
    return str(redis.xadd("hermes.requests:dead", {"data": '{"prompt":null}'} | about | fields))


def test_dead_letters_are_listed_and_shown(redis: "Redis", capsys: Captured) -> None:
    entry = dead_letter(redis, replyto="my.replies")
    assert main(["dead", "list"]) == 0
    assert "hermes.requests" in capsys.readouterr().out
    assert main(["dead", "list", "hermes.requests"]) == 0
    listed = capsys.readouterr().out
    assert entry in listed
    assert "prompt: expected text, was null" in listed
    assert main(["dead", "show", "hermes.requests", entry]) == 0
    assert "my.replies" in capsys.readouterr().out
    assert main(["dead", "show", "hermes.requests", entry, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fields"] == {"data": '{"prompt":null}', "replyto": "my.replies"}


def test_a_dead_letter_is_replayed_as_it_came(redis: "Redis", capsys: Captured) -> None:
    entry = dead_letter(redis)
    assert main(["dead", "replay", "hermes.requests", entry]) == 0
    assert capsys.readouterr().out == "replayed 1\n"
    assert [fields for _, fields in redis.xrange("hermes.requests")] == [{"data": '{"prompt":null}'}]
    assert main(["dead", "list"]) == 0
    assert capsys.readouterr().out == "no dead letters\n"


def test_what_was_cut_is_not_replayed_as_if_it_were_whole(redis: "Redis", capsys: Captured) -> None:
    whole, cut = dead_letter(redis), dead_letter(redis, **{"dead-cut": "9000000 bytes in 1 fields"})
    assert main(["dead", "replay", "hermes.requests", "--all"]) == 0
    said = capsys.readouterr()
    assert said.out == "replayed 1\n"
    assert cut in said.err and whole not in said.err
    assert redis.xlen("hermes.requests:dead") == 1
    assert main(["dead", "show", "hermes.requests", cut]) == 0
    assert "9000000 bytes in 1 fields" in capsys.readouterr().out


def test_all_dead_letters_of_a_stream_are_dropped(redis: "Redis", capsys: Captured) -> None:
    for _ in range(3):
        dead_letter(redis)
    assert main(["dead", "drop", "hermes.requests", "--all"]) == 0
    assert capsys.readouterr().out == "dropped 3\n"
    assert redis.xlen("hermes.requests:dead") == 0


FILTERS = {
    "--group phi3": {"b"},
    "--reason MEMORY": {"a", "b"},
    "--since 2h": {"c"},
    "--since 2024-01-02T14:30": {"a", "b", "c"},
    "--since 2024-01-02T14:30:01": {"c"},
    "--reason memory --group hermes": {"a"},
    "--reason nonsense": set(),
}


@pytest.mark.parametrize("typed", FILTERS)
def test_dead_letters_are_chosen_by_group_reason_and_time(typed: str, redis: "Redis", capsys: Captured) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    ids = {
        "a": dead_letter(redis, reason="out of memory"),
        "b": dead_letter(redis, reason="out of memory", **{"dead-group": "phi3"}),
        "c": dead_letter(redis, **{"dead-time": now}),
    }
    chosen = {ids[name] for name in FILTERS[typed]}
    for stream in ([], ["hermes.requests"]):
        assert main(["dead", "list", *stream, *typed.split(), "--json"]) == 0
        assert {json.loads(line)["entry_id"] for line in capsys.readouterr().out.splitlines()} == chosen
    assert main(["dead", "drop", "hermes.requests", *typed.split(), "--dry-run"]) == 0
    assert f"would have dropped {len(chosen)}" in capsys.readouterr().out
    assert redis.xlen("hermes.requests:dead") == 3
    assert main(["dead", "replay", "hermes.requests", *typed.split()]) == 0
    assert capsys.readouterr().out == f"replayed {len(chosen)}\n"
    assert {entry for entry, _ in redis.xrange("hermes.requests:dead")} == set(ids.values()) - chosen
    assert redis.xlen("hermes.requests") == len(chosen)


def test_several_dead_letters_are_chosen_by_id(redis: "Redis", capsys: Captured) -> None:
    ids = [dead_letter(redis) for _ in range(4)]
    assert main(["dead", "drop", "hermes.requests", ids[0], "--id", ids[2]]) == 0
    assert capsys.readouterr().out == "dropped 2\n"
    assert [entry for entry, _ in redis.xrange("hermes.requests:dead")] == [ids[1], ids[3]]


def test_a_replayed_request_has_no_deadline_any_more(redis: "Redis") -> None:
    entry = dead_letter(redis, deadline="1", id="mine")
    assert main(["dead", "replay", "hermes.requests", entry]) == 0
    assert [fields for _, fields in redis.xrange("hermes.requests")] == [{"data": '{"prompt":null}', "id": "mine"}]


def test_a_dead_letter_that_somebody_wrote_by_hand_is_listed(redis: "Redis", capsys: Captured) -> None:
    dead_letter(redis, **{"dead-time": "noon", "dead-deliveries": "often"})
    redis.xadd("hermes.requests:dead", {"data": "x", "dead-time": "2024-01-02"}, id="99999999999999999-0")
    assert main(["dead", "list", "hermes.requests", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("command", ["show", "replay", "drop"])
@pytest.mark.parametrize("entry", ["99-0", "not-an-id"])
def test_a_dead_letter_that_is_not_there_is_bad_input(
    command: str, entry: str, redis: "Redis", capsys: Captured
) -> None:
    dead_letter(redis)
    assert main(["dead", command, "hermes.requests", entry]) == 2
    assert capsys.readouterr().err.startswith("osiris: ")


def test_models_tells_what_lies_on_disk(tmp_path: Path, capsys: Captured) -> None:
    assert main(["models"]) == 0
    assert "no model on disk yet" in capsys.readouterr().out
    for version in ("embedded", "2024-01-03"):
        folder = tmp_path / ".osiris" / "models" / "phi3" / version
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    (tmp_path / ".osiris" / "models" / "phi3" / "current").symlink_to("embedded")
    assert main(["models", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["version"], each["current"]) for each in found["disk"]] == [("2024-01-03", False), ("embedded", True)]
    assert found["live"] == []


def test_models_tells_what_live_services_hold(redis: "Redis", capsys: Captured) -> None:
    presence = {
        "service": "phi3",
        "instance": "phi3-host-1-abc",
        "ready": True,
        "in_flight": 0,
        "started_at": "2024-01-02T14:30:00Z",
        "model": {"loaded": True, "version": "embedded", "file_exists": True, "device": "cpu"},
    }
    redis.set("presence:phi3:phi3-host-1-abc", json.dumps(presence))
    redis.zadd("presence:phi3", {"presence:phi3:phi3-host-1-abc": time.time() + 60})
    assert main(["models"]) == 0
    assert "phi3-host-1-abc" in capsys.readouterr().out


def test_a_correction_needs_a_proposal_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    typed = ["feedback", "submit", str(UUID(int=1)), "--type", "correction", "--content", "Stop too tight."]
    assert main(typed) == 2
    assert "expected corrected_proposal with a correction" in capsys.readouterr().err
    assert main([*typed, "--corrected", "absent.json"]) == 2
    assert "cannot read absent.json" in capsys.readouterr().err
    (tmp_path / "broken.json").write_text("{")
    assert main([*typed, "--corrected", "broken.json"]) == 2
    assert "expected JSON in broken.json" in capsys.readouterr().err


async def test_a_service_is_told_to_restart_and_one_that_is_not_there_is_not(
    redis: "Redis", server: EmbeddedRedis, capsys: Captured
) -> None:
    assert await asyncio.to_thread(main, ["control", "trainer", "restart"]) == 1
    assert "expected a living trainer, found none" in capsys.readouterr().err
    asked = asyncio.Event()
    service = Service("trainer", MeshSettings(redis_url=server.url))

    async def note() -> None:
        asked.set()

    service.on_command("restart", note)
    async with service.running():
        await asyncio.sleep(0.1)  # it obeys what is said from its start on, to the millisecond
        assert await asyncio.to_thread(main, ["control", "trainer", "restart", "--instance", "another"]) == 1
        assert await asyncio.to_thread(main, ["control", "trainer", "restart"]) == 0
        async with asyncio.timeout(5):
            await asked.wait()
    assert "told trainer to restart" in capsys.readouterr().out
