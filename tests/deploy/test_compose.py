"""The compose file: what each profile runs, and under which terms."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from charts import REPOSITORY

COMPOSE = Path(sys.executable).parent / "docker-compose"
DESK = {"redis", "gateway", "sim", "orchestrator", "trainer"}
PROFILES = {
    "cpu": DESK | {"hermes", "phi3", "tts"},
    "sidecar": {"redis", "gateway", "hermes", "phi3", "trainer"},
    "full": DESK | {"hermes", "phi3", "tts", "azr_planner", "dgm", "watchdog"},
    "gpu": DESK | {"hermes-gpu", "phi3-gpu", "tts-gpu", "watchdog-gpu"},
}
USERS = (
    "gateway",
    "hermes",
    "phi3",
    "tts",
    "sim",
    "orchestrator",
    "trainer",
    "azr_planner",
    "dgm",
    "watchdog",
    "operator",
)


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The file as compose reads it, by profile."""
    users = tmp_path_factory.mktemp("users")
    for name in USERS:
        (users / f"{name}.env").write_text(f"OSIRIS_REDIS_URL=redis://{name}:secret@redis:6379/0\n")

    def read(*profiles: str) -> dict[str, Any]:
        flags = [each for profile in profiles for each in ("--profile", profile)]
        done = subprocess.run(
            [COMPOSE, *flags, "config", "--format", "json"],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin", "HOME": str(users), "OSIRIS_REDIS_USERS": str(users)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["services"]
        return found

    return read


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_runs_its_services(profile: str, configured: Any) -> None:
    assert set(configured(profile)) == PROFILES[profile]


def test_every_service_is_locked_up(configured: Any) -> None:
    for name, service in configured("full", "gpu", "night", "tools").items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        mounts = [each["source"] for each in service.get("volumes", [])]
        assert not any("docker.sock" in each for each in mounts), name


def test_work_is_finished_before_a_container_is_killed(configured: Any) -> None:
    for name, service in configured("full", "gpu").items():
        if name != "redis":
            assert service["stop_grace_period"] == "40s" and service["environment"]["OSIRIS_DRAIN_SECONDS"] == "20"


def test_redis_forgets_nothing_and_knows_its_clients(configured: Any) -> None:
    redis = configured("cpu")["redis"]
    command = " ".join(redis["command"])
    for part in ("--appendonly yes", "--maxmemory-policy noeviction", "--aclfile /users.acl"):
        assert part in command
    assert "ports" not in redis, "nobody outside reaches it"
    assert {each["target"]: each["type"] for each in redis["volumes"]}["/data"] == "volume"


def test_a_service_has_its_own_user(configured: Any) -> None:
    for name, service in configured("full").items():
        if name != "redis":
            assert service["environment"]["OSIRIS_REDIS_URL"].startswith(f"redis://{name}:"), name


def test_doors_are_on_this_machine_alone(configured: Any) -> None:
    ports = {name: service["ports"] for name, service in configured("full").items() if "ports" in service}
    assert {name: each[0]["published"] for name, each in ports.items()} == {"gateway": "8000", "azr_planner": "8001"}
    assert {each[0]["host_ip"] for each in ports.values()} == {"127.0.0.1"}


def test_tables_lie_where_the_original_had_them(configured: Any) -> None:
    trainer = configured("cpu")["trainer"]
    targets = {each["target"]: each["source"] for each in trainer["volumes"]}
    assert targets["/app/lancedb_data"] == "lancedb" and targets["/app/models"] == "models"
    assert trainer["environment"]["OSIRIS_TABLES"] == "/app/lancedb_data"


def test_on_a_gpu_the_models_are_the_originals(configured: Any) -> None:
    services = configured("gpu")
    hermes = services["hermes-gpu"]["environment"]
    assert (hermes["OSIRIS_HERMES_ENGINE"], hermes["OSIRIS_HERMES_CONTEXT"]) == ("vllm", "6144")
    assert services["phi3-gpu"]["environment"]["OSIRIS_PHI3_PROVIDER"] == "cuda"
    assert services["tts-gpu"]["environment"]["OSIRIS_TTS_ENGINE"] == "chatterbox"
    for name in ("hermes-gpu", "phi3-gpu", "tts-gpu", "watchdog-gpu"):
        [device] = services[name]["deploy"]["resources"]["reservations"]["devices"]
        assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]


def test_every_environment_that_is_built_has_a_lock(configured: Any) -> None:
    for name, service in configured("full", "gpu", "tools").items():
        if "build" in service:
            arguments = service["build"]["args"]
            assert (REPOSITORY / service["build"]["dockerfile"]).exists()
            lock = f"services/{arguments['SERVICE']}/environments/{arguments.get('ENVIRONMENT')}.lock"
            if "ENVIRONMENT" in arguments:
                assert (REPOSITORY / lock).exists(), name


def test_beside_large_models_the_watchdog_reads_gpus_alone(configured: Any) -> None:
    """Main memory has a limit of small models."""
    assert configured("gpu")["watchdog-gpu"]["environment"]["OSIRIS_WATCHDOG_METER"] == "gpu"
    assert "OSIRIS_WATCHDOG_METER" not in configured("full")["watchdog"]["environment"]
