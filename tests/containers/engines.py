"""What runs the containers: Docker, or podman as root, which speaks Docker's language over a socket."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
BASE = "localhost/osiris-test-base:bookworm"
DOCKERFILES_BASE = "python:3.11-slim"
REDIS = "localhost/osiris-test-redis:bookworm"
PACKAGES = "ca-certificates,python3,python3-venv,redis-server"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
HEALTH_SECONDS = 2


@dataclass(frozen=True)
class Engine:
    """How to reach it, and which images stand in for those that cannot be fetched here."""

    environment: Mapping[str, str] = field(default_factory=dict)
    podman: bool = False

    @property
    def program(self) -> str:
        """What is asked on the command line."""
        return "podman" if self.podman else "docker"

    @property
    def base(self) -> str:
        """What images of this repository are built on."""
        return BASE if self.podman else DOCKERFILES_BASE

    def build(self, image: str, dockerfile: str, arguments: Mapping[str, str]) -> None:
        """Build an image of this repository; unchanged layers are taken from the last time."""
        if self.podman:
            command = ["podman", "build", "--isolation=chroot", "--network=host", "--format=docker", "--layers"]
            arguments = {"BASE": self.base, **arguments}
        else:
            command = ["docker", "build"]
        flags = [each for name, value in arguments.items() for each in ("--build-arg", f"{name}={value}")]
        run(*command, "-f", dockerfile, "-t", image, *flags, ".", environment=self.environment)

    def size(self, image: str) -> int:
        """Bytes of an image, its base among them."""
        if not self.podman and image == self.base:  # its builder does not keep it where it can be asked
            run("docker", "pull", "--quiet", image, environment={})
        said = run(self.program, "image", "inspect", "--format", "{{.Size}}", image, environment=self.environment)
        return int(said)


def why_not() -> str | None:
    """Why there is nothing here to run containers with; None when there is."""
    if docker_answers():
        return None
    missing = [name for name in ("podman", "runc", "debootstrap", "iptables") if not shutil.which(name)]
    if missing:
        return f"no Docker, and no {', '.join(missing)} for podman; see tests/containers/install.sh"
    return None if os.geteuid() == 0 else "no Docker, and podman is tried as root alone"


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """The engine for the length of the block."""
    if docker_answers():
        yield Engine()
        return
    environment = {"CONTAINERS_CONF": str(HERE / "podman.conf"), "DOCKER_HOST": f"unix://{folder}/podman.sock"}
    _make_base(folder, environment)
    with (folder / "podman.log").open("wb") as log:
        served = subprocess.Popen(
            ["podman", "system", "service", "--time=0", environment["DOCKER_HOST"]],
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    stop = threading.Event()
    health = threading.Thread(target=_keep_checking, args=(environment, stop), daemon=True)
    health.start()
    try:
        give_up = time.monotonic() + 20
        while not (folder / "podman.sock").exists():
            assert time.monotonic() < give_up, (folder / "podman.log").read_text()
            time.sleep(0.1)
        yield Engine(environment | {"OSIRIS_REDIS_IMAGE": REDIS, "OSIRIS_LOG_DRIVER": "k8s-file"}, podman=True)
    finally:
        stop.set()
        health.join(20)
        served.terminate()
        served.wait(20)


def docker_answers() -> bool:
    """Whether a Docker engine is there."""
    return bool(shutil.which("docker")) and _tried("docker", "info", environment={}).returncode == 0


def run(*command: str, environment: Mapping[str, str], seconds: float = 900) -> str:
    """Run in the repository; returns what was said on standard output."""
    done = _tried(*command, environment=environment, seconds=seconds)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _tried(*command: str, environment: Mapping[str, str], seconds: float = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def _make_base(folder: Path, environment: Mapping[str, str]) -> None:
    """An image to build on, out of Debian's packages: no registry of images is reached from everywhere."""
    for image in (BASE, REDIS):
        if _tried("podman", "image", "exists", image, environment=environment).returncode:
            break
    else:
        return
    root = folder / "base"
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root), environment={})
    shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))  # pip trusts what this machine trusts
    run("sh", "-c", f"tar -C {root} -c . | podman import - {BASE}", environment=environment)
    shutil.rmtree(root)
    Engine(environment, podman=True).build(REDIS, "tests/containers/redis.Dockerfile", {})


def _keep_checking(environment: Mapping[str, str], stop: threading.Event) -> None:
    """Run the health checks, as timers of systemd would."""
    while not stop.wait(HEALTH_SECONDS):
        for name in _tried("podman", "ps", "--format", "{{.Names}}", environment=environment).stdout.split():
            if not stop.is_set():
                _tried("podman", "healthcheck", "run", name, environment=environment)
