"""What every service says when it cannot start: one line, and an exit code that tells why."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.gateways import added
from tests.support.processes import Process

SERVICES = ("gateway", "phi3", "hermes", "trainer", "orchestrator", "tts", "azr_planner", "watchdog", "dgm")


def start(service: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"osiris_{service}"],
        env={"PATH": "/usr/bin:/bin", "OSIRIS_HOME": str(tmp_path), "OSIRIS_GATEWAY_PORT": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_without_redis_a_service_ends_with_1_and_one_line(service: str, tmp_path: Path) -> None:
    done = start(service, tmp_path, OSIRIS_REDIS_URL=f"unix://{tmp_path}/none.sock", OSIRIS_LOG_LEVEL="error")
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"osiris_{service}: expected Redis to answer, it did not: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_setting_that_is_no_use_ends_with_2_and_names_it(service: str, tmp_path: Path) -> None:
    done = start(service, tmp_path, OSIRIS_LEASE_SECONDS="soon")
    assert done.returncode == 2
    assert "lease_seconds" in done.stderr.lower()
    assert "soon" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("service", ["gateway", "azr_planner"])
async def test_a_door_beyond_loopback_needs_a_key(service: str, redis_url: str, tmp_path: Path) -> None:
    prefix = f"OSIRIS_{service.upper()}_"
    beyond = {"OSIRIS_REDIS_URL": redis_url, f"{prefix}HOST": "0.0.0.0", "OSIRIS_LOG_LEVEL": "error"}
    done = start(service, tmp_path, **beyond)
    assert done.returncode == 2
    assert done.stderr.startswith(f"osiris_{service}: expected a key with {prefix}HOST=0.0.0.0")
    assert "osiris keys add" in done.stderr and f"{prefix}API_KEY" in done.stderr
    assert done.stderr.count("\n") == 1
    await added(redis_url)
    with Process(service, redis_url, tmp_path, **beyond) as door:
        await door.ready()


def test_a_key_that_is_refused_is_not_shown(tmp_path: Path) -> None:
    done = start("gateway", tmp_path, OSIRIS_GATEWAY_API_KEY="short-secret")
    assert done.returncode == 2
    assert "OSIRIS_GATEWAY_API_KEY" in done.stderr and "at least 16" in done.stderr
    assert "short-secret" not in done.stderr
