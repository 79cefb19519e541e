"""A Redis as a child: real processes, real files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from redis import Redis

from osiris_cli import embedded_redis
from osiris_cli.embedded_redis import EmbeddedRedis, find_server, server_version
from osiris_cli.errors import CliError


def test_it_starts_answers_and_stops_without_a_trace(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        pid = server.pid
        assert pid is not None
        with Redis.from_url(server.url) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("port") == {"port": "0"}
    assert not psutil.pid_exists(pid)
    assert not server.socket.exists()


def test_what_it_holds_survives_a_restart(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        entry = client.xadd("market.ticks", {"data": "{}"})
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:
        assert client.xrange("market.ticks") == [(entry, {b"data": b"{}"})]


def test_without_persistence_it_begins_empty(tmp_path: Path) -> None:
    for _ in range(2):
        with EmbeddedRedis(tmp_path, persistent=False) as server, Redis.from_url(server.url) as client:
            assert client.dbsize() == 0
            client.set("x", 1)


def test_a_home_too_deep_for_a_socket_gets_one_in_a_short_folder(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 6)
    with EmbeddedRedis(deep) as server, Redis.from_url(server.url) as client:
        assert client.ping()
        assert len(os.fsencode(server.socket)) <= embedded_redis.LONGEST_SOCKET_PATH
        assert (deep / "appendonlydir").is_dir()
        short = server.socket.parent
        assert short != deep
    assert not short.exists()


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "my desk? 100% #1 é") as server, Redis.from_url(server.url) as client:
        assert client.ping()


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "_LEAVING_SECONDS", 0.1)
    with EmbeddedRedis(tmp_path) as first:
        with pytest.raises(CliError, match=f"expected nobody at work in {tmp_path}, but process {os.getpid()} is"):
            EmbeddedRedis(tmp_path).start()
        assert first.answers()


def test_a_socket_that_was_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(0.1)
        assert server.socket.exists()
    with EmbeddedRedis(tmp_path) as server:
        assert server.answers()


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_it_follows_a_parent_that_is_killed_and_its_data_is_kept(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from osiris_cli.embedded_redis import EmbeddedRedis
from redis import Redis
server = EmbeddedRedis(Path(sys.argv[1])).start()
Redis.from_url(server.url).set("kept", "yes")
print(server.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as client:  # waits for the old one to leave
        assert client.get("kept") == b"yes"
    # gone, or dead and not yet collected by init
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = _program(tmp_path / "redis-server", "echo out of luck; exit 3")
    with pytest.raises(CliError, match=r"ended with code 3: out of luck; see .*redis\.log"):
        EmbeddedRedis(tmp_path / "home", server=broken).start()
    with EmbeddedRedis(tmp_path / "home") as server:  # the folder was given back
        assert server.answers()


def test_a_server_on_the_path_is_taken_when_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    redis = _program(tmp_path / "redis-server", "echo 'Redis server v=6.0.16 sha=00000000:0'")
    assert find_server() != redis
    valkey = _program(tmp_path / "valkey-server", "echo 'Valkey server v=8.0.1 sha=00000000:0'")
    assert find_server() == valkey
    _program(redis, "echo 'Redis server v=6.2.0 sha=00000000:0'")
    assert find_server() == redis


def test_a_program_that_is_no_redis_has_no_version(tmp_path: Path) -> None:
    assert server_version(tmp_path / "absent") is None
    assert server_version(_program(tmp_path / "redis-server", "exit 1")) is None


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
