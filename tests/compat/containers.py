"""Servers out of images, where a container engine is: those that no package here carries."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import APIError, DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

IMAGES = {
    "redis 6.2": "redis:6.2",
    "redis 7.0": "redis:7.0",
    "redis 8.2": "redis:8.2",
    "redis 8.4": "redis:8.4",
    "valkey": "valkey/valkey:9",
}
PORT = 6379


def engine_answers() -> bool:
    """Whether there is an engine: Docker, or podman by way of DOCKER_HOST."""
    try:
        return bool(docker.from_env(timeout=5).ping())
    except DockerException:
        return False


@contextmanager
def container(image: str) -> Iterator[str | None]:
    """The URL of a server in a container for the length of the block; None where the image cannot be had."""
    server = DockerContainer(image).with_command("redis-server --save '' --protected-mode no").with_exposed_ports(PORT)
    server.waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    try:
        server.start()
    except APIError:
        yield None
        return
    try:
        yield f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(PORT)}/0"
    finally:
        server.stop()
