"""compose.yaml as a person runs it, under a project name of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines import REPOSITORY, Engine, run

COMPOSE = str(Path(sys.executable).parent / "docker-compose")
PYTHON = str(REPOSITORY / ".venv" / "bin" / "python")
KEY = "a-key-of-the-container-tests"
PROJECT = "osiris-test"
SETTINGS = {
    "OSIRIS_GATEWAY_API_KEY": KEY,
    "OSIRIS_SIM_SPEED": "4x",
    "OSIRIS_DGM_TRACES_PER_GENERATION": "1",
    "OSIRIS_DGM_HERMES_SHARE": "0",  # the mutators are quicker
    "OSIRIS_WATCHDOG_INTERVAL_SECONDS": "2",
}
"""What a person would write into .env."""


class Stack:
    """The containers of one test session.

    Args:
        folder: of Redis' users and the settings.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._runs = ""  # the profile
        self._tools: list[str] = []
        self.port, self.planner_port = _free_port(), _free_port()
        users = folder / "users"
        run(PYTHON, "tools/redis_users.py", "--secrets", str(users), "--url", "redis://redis:6379/0", environment={})
        (users / "public.acl").write_text((users / "users.acl").read_text())
        self._password = re.findall(r"://operator:([^@]+)@", (users / "operator.env").read_text())[0]
        settings = folder / "env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
        self.environment = {
            **engine.environment,
            "COMPOSE_PROJECT_NAME": PROJECT,
            "OSIRIS_REDIS_USERS": str(users),
            "OSIRIS_ENV": str(settings),
            "OSIRIS_DATA": str(folder),
            "OSIRIS_TAG": "test",
            "OSIRIS_GATEWAY_PORT": str(self.port),
            "OSIRIS_AZR_PLANNER_PORT": str(self.planner_port),
        }

    def up(self, profile: str) -> None:
        """Build what the profile runs, start it where it does not run yet, and wait until all of it is healthy."""
        if profile != self._runs:  # compose makes all anew where podman tells a network's name in place of its id
            self.build(profile)
            self.compose("--profile", profile, "up", "-d", "--no-build", "--pull", "never")
            self._runs = profile
        self.until(
            lambda: all(self._is_healthy(each) for each in self._config(profile)), 240, f"{profile} to be healthy"
        )

    def build(self, profile: str) -> list[str]:
        """Build what the profile runs; its images."""
        built = []
        for service in self._config(profile).values():
            if "build" in service:
                image, build = service["image"], service["build"]
                self._engine.build(image, build["dockerfile"], build["args"])
                built.append(image)
        return built

    def sizes(self, images: list[str]) -> dict[str, int]:
        """The bytes of each above the base."""
        base = self._engine.size(self._engine.base)
        return {image: self._engine.size(image) - base for image in images}

    def down(self, *, volumes: bool = False) -> None:
        """End the containers; `volumes`: and forget all that they kept."""
        self._runs = ""
        self.compose("--profile", "*", "down", "--timeout", "40", *(["--volumes"] if volumes else []))

    def compose(self, *arguments: str) -> str:
        """One command of compose."""
        return run(COMPOSE, *arguments, environment=self.environment)

    def cli(self, *arguments: str) -> str:
        """The `osiris` command, in a container of its own."""
        self._tools = self._tools or self.build("tools")
        return self.compose("--profile", "tools", "run", "--rm", "-T", "--no-deps", "cli", *arguments)

    def python(self, service: str, script: str, *arguments: str) -> str:
        """A script in the container of a service, beside it."""
        return self.compose("exec", "-T", service, "python3", "-c", script, *arguments)

    def redis(self, *command: str) -> str:
        """One command to Redis, as whoever sits at the desk."""
        login = ("-e", f"REDISCLI_AUTH={self._password}")
        return self.compose("exec", "-T", *login, "redis", "redis-cli", "--user", "operator", *command).strip()

    def kill(self, service: str) -> None:
        """End the first process of a container with SIGKILL, from outside, as the kernel does when memory is short."""
        pid = int(self._inspect(service)["State"]["Pid"])
        try:
            os.kill(pid, signal.SIGKILL)
        except PermissionError:
            subprocess.run(["sudo", "-n", "kill", "-9", str(pid)], check=True)

    def started(self, service: str) -> str:
        """When the container was last started."""
        return str(self._inspect(service)["State"]["StartedAt"])

    def ask(self, path: str, body: Any = None, *, key: str = KEY, port: int | None = None) -> tuple[int, bytes]:
        """A request to the gateway, or to another `port`: its status, and its body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{port or self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for something to be so."""
        give_up = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < give_up, f"waited {seconds} s for {what}\n{self._logs()}"
            time.sleep(0.5)

    def _config(self, profile: str) -> dict[str, Any]:
        said = self.compose("--profile", profile, "config", "--format", "json")
        found: dict[str, Any] = json.loads(said)["services"]
        return found

    def _inspect(self, service: str) -> dict[str, Any]:
        container = self.compose("--profile", "*", "ps", "-aq", service).split()[0]
        said = run(self._engine.program, "inspect", container, environment=self.environment)
        found: dict[str, Any] = json.loads(said)[0]
        return found

    def _is_healthy(self, service: str) -> bool:
        state = self._inspect(service)["State"]
        health = state.get("Health") or state.get("Healthcheck") or {}
        return bool(state["Running"] and health.get("Status") == "healthy")

    def _logs(self) -> str:
        return self.compose("--profile", "*", "logs", "--tail", "15")[-6000:]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
