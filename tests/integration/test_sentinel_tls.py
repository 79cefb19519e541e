"""Sentinel over TLS: who asks it, and whoever works on the master it names, speaks TLS, before a failover and after."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError
from tests.support.processes import Process
from tests.support.redis_server import redis_server
from tests.support.sentinels import known, master_dies, sentinel
from tests.support.serving import STREAM
from tests.support.tls import made_certificate, tls, tls_or_none

from osiris_cli import checks, settings
from osiris_contracts import GenerateRequest
from osiris_mesh import Bus
from osiris_mesh.connection import connect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with"),
]

PASSWORD = "pa55-w0rd-that-nobody-may-see"
USER = f"user desk on >{PASSWORD} ~* &* +@all"
FAKE = "tests.support.quiet_model"


async def test_the_mesh_follows_the_master_over_tls(tmp_path: Path, repository: Path) -> None:
    certificate = made_certificate(tmp_path)
    options = ["--aclfile", str(tmp_path / "users.acl"), "--repl-diskless-sync-delay", "0"]
    (tmp_path / "users.acl").write_text(f"user default on nopass ~* &* +@all\n{USER}\n")
    with redis_server(tmp_path / "master", *options) as master:
        async with tls_or_none(certificate, master) as (master_door, plain):
            with redis_server(tmp_path / "replica", *options) as replica:
                async with tls_or_none(certificate, replica) as (replica_door, plain_too):
                    async with Redis(port=replica) as client:
                        await client.config_set("replica-announce-port", replica_door)
                        await client.replicaof("127.0.0.1", master_door)
                    with sentinel(tmp_path / "sentinel", master_door) as port:
                        await known(port, replica)
                        async with tls(certificate, port) as sentinel_door:
                            url = f"rediss+sentinel://desk:{PASSWORD}@127.0.0.1:{sentinel_door}/desk/0"
                            await _asked_before_and_after(
                                f"{url}?ssl_ca_certs={certificate}", master, replica, tmp_path, repository
                            )
                assert plain and plain_too  # of the Sentinel, and of the replica; who logs in has TLS
                assert PASSWORD.encode() not in b"".join((*plain, *plain_too))


async def _asked_before_and_after(url: str, master: int, replica: int, home: Path, repository: Path) -> None:
    with Process("hermes", url, home, "hermes", module=FAKE, PYTHONPATH=str(repository)) as hermes:
        await hermes.ready()
        check = await asyncio.to_thread(checks.redis, settings.load(redis_url=url))
        assert check.status != "fail", check
        assert PASSWORD not in check.detail
        async with Bus(url, "test") as bus:
            assert await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=20)
            await master_dies(master, replica)
            assert await bus.ask(STREAM, GenerateRequest(prompt="after"), timeout=30)
        assert PASSWORD not in hermes.log()


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda url: url.partition("?")[0], id="a Sentinel that nobody vouches for"),
        pytest.param(lambda url: url.replace("/desk/", "/other/"), id="a master that it does not know"),
    ],
)
async def test_what_is_not_as_the_url_says_is_an_error(tmp_path: Path, spoilt: Callable[[str], str]) -> None:
    certificate = made_certificate(tmp_path)
    with redis_server(tmp_path / "master") as master, sentinel(tmp_path / "sentinel", master) as port:
        async with tls(certificate, port) as door:
            client: Any = connect(spoilt(f"rediss+sentinel://127.0.0.1:{door}/desk/0?ssl_ca_certs={certificate}"))
            with pytest.raises(ConnectionError, match="No master found"):
                await client.ping()
            await client.aclose()
