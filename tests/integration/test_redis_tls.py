"""Redis over TLS with a password, both in its URL; and the password is never told to anybody."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.processes import Process
from tests.support.redis_server import redis_server
from tests.support.tls import made_certificate, tls

from osiris_cli import checks, settings
from osiris_cli.errors import CliError
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with"),
]

PASSWORD = "pa55-w0rd-that-nobody-may-see"
FAKE = "tests.support.quiet_model"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1."""
    return made_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis that asks for the password. The one of the wheel speaks no TLS."""
    with redis_server(tmp_path_factory.mktemp("redis"), "--requirepass", PASSWORD) as port:
        yield port


async def test_the_desk_works_over_tls_with_a_password(
    certificate: Path, redis_port: int, repository: Path, tmp_path: Path
) -> None:
    async with tls(certificate, redis_port) as port:
        url = f"rediss://:{PASSWORD}@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"
        loud = {"OSIRIS_LOG_LEVEL": "debug"}
        hermes = Process("hermes", url, tmp_path, "hermes", module=FAKE, PYTHONPATH=str(repository), **loud)
        with Process("gateway", url, tmp_path, **loud) as gateway, hermes:
            await gateway.ready()
            await hermes.ready()
            redis = connect(url)
            (present,) = await alive(redis, "gateway")
            await redis.aclose()
            async with httpx.AsyncClient(base_url=present.probe_url or "", timeout=30) as http:
                answer = await http.post("/generate/", json={"prompt": "What is a stop?"})
                assert answer.status_code == 200, answer.text
                pages = [(await http.get(path)).text for path in ("/metrics", "/asyncapi.json", "/readyz", "/health")]
        assert PASSWORD not in "".join([hermes.log(), gateway.log(), *pages])


def broken(redis_port: int, tls_port: int, certificate: Path) -> dict[str, str]:
    """URLs that do not work, each in its own way."""
    where = f"127.0.0.1:{tls_port}/0"
    return {
        "a wrong password": f"redis://:{PASSWORD}x@127.0.0.1:{redis_port}/0",
        "an unknown user": f"redis://somebody:{PASSWORD}@127.0.0.1:{redis_port}/0",
        "nobody there": f"redis://:{PASSWORD}@127.0.0.1:1/0",
        "no such host": f"redis://:{PASSWORD}@redis.invalid:6379/0",
        "TLS that nobody vouches for": f"rediss://:{PASSWORD}@{where}",
        "TLS where there is none": f"rediss://:{PASSWORD}@127.0.0.1:{redis_port}/0?ssl_ca_certs={certificate}",
        "no TLS where there is": f"redis://:{PASSWORD}@{where}",
        "a port that is none": f"redis://:{PASSWORD}@127.0.0.1:redis/0",
        "a slash in the password": f"redis://:{PASSWORD}/x@127.0.0.1:{redis_port}/0",
        "a hash in the password": f"redis://:{PASSWORD}#x@127.0.0.1:{redis_port}/0",
        "another scheme": f"http://:{PASSWORD}@127.0.0.1:{redis_port}/0",
    }


def is_quiet(text: str) -> bool:
    """Whether a text tells nothing of the password, not even its beginning."""
    return PASSWORD[:12] not in text and "Traceback" not in text


async def test_doctor_tells_what_is_wrong_without_the_password(certificate: Path, redis_port: int) -> None:
    async with tls(certificate, redis_port) as port:
        for kind, url in broken(redis_port, port, certificate).items():
            try:
                check = await asyncio.to_thread(checks.redis, settings.load(redis_url=url))
            except CliError as error:
                told = str(error)
            else:
                assert check.status == "fail", kind
                told = f"{check.detail} {check.mend}"
            assert is_quiet(told), (kind, told)
            assert len(told) > 20, kind


async def test_a_service_ends_in_one_line_without_the_password(
    certificate: Path, redis_port: int, tmp_path: Path
) -> None:
    async with tls(certificate, redis_port) as port:
        urls = broken(redis_port, port, certificate)
        chosen = ("a wrong password", "TLS that nobody vouches for", "a slash in the password")
        runs = [run("-m", "osiris_gateway", url=urls[kind], home=tmp_path) for kind in chosen]
        slash = urls["a slash in the password"]
        runs.append(run("-m", "osiris_orchestrator", "--redis_url", slash, url=slash, home=tmp_path))
        for code, text in await asyncio.gather(*runs):
            assert code in (1, 2), text
            assert is_quiet(text), text
            assert "redis" in text.lower(), text


async def run(*arguments: str, url: str, home: Path) -> tuple[int, str]:
    """Run a command with a Redis URL; its exit code, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={"PATH": "/usr/bin:/bin", "OSIRIS_REDIS_URL": url, "OSIRIS_HOME": str(home), "OSIRIS_GATEWAY_PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, said.decode(errors="replace")
