"""Behind Sentinel the mesh follows the master: when one dies, its replica is worked on, and what waits is answered."""

from pathlib import Path

import pytest
from tests.support.redis_server import redis_server
from tests.support.sentinels import known, master_dies, sentinel
from tests.support.serving import STREAM, echo, serving

from osiris_contracts import GenerateRequest
from osiris_mesh import Bus
from osiris_mesh.sentinel import SentinelUrl


@pytest.mark.slow
async def test_the_mesh_goes_on_with_the_replica_when_the_master_dies(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path / "master", "--repl-diskless-sync-delay", "0") as master,
        redis_server(tmp_path / "replica", "--replicaof", "127.0.0.1", str(master)) as replica,
        sentinel(tmp_path / "sentinel", master) as port,
    ):
        url = f"redis+sentinel://127.0.0.1:{port}/desk/0"
        await known(port, replica)
        async with serving(url, echo), Bus(url, "test") as bus:
            first = await bus.ask(STREAM, GenerateRequest(prompt="before"), timeout=20)
            assert first.text == "BEFORE"
            await master_dies(master, replica)
            second = await bus.ask(STREAM, GenerateRequest(prompt="after"), timeout=30)
            assert second.text == "AFTER"


def test_a_url_of_sentinels_is_read() -> None:
    read = SentinelUrl.read("redis+sentinel://me:p%40ss@a:1,b,[::1]:3/desk/2")
    assert read == SentinelUrl((("a", 1), ("b", 26379), ("[::1]", 3)), "desk", 2, "me", "p@ss")
    assert SentinelUrl.read("redis://a:1/0") is None


def test_a_url_of_sentinels_with_tls_has_the_options_of_any_url_with_tls() -> None:
    read = SentinelUrl.read("rediss+sentinel://me:p@a:1/desk/2?ssl_ca_certs=/ca%20of%20ours.pem&ssl_check_hostname=no")
    tls = {"ssl": True, "ssl_ca_certs": "/ca of ours.pem", "ssl_check_hostname": False}
    assert read == SentinelUrl((("a", 1),), "desk", 2, "me", "p", tls)
    assert read.options == {"username": "me", "password": "p", "db": 2} | tls


@pytest.mark.parametrize("wrong", ["", "a:1", "a:x/desk", "a:1/", ":1/desk", "a:1/desk/x", "a:99999/desk"])
def test_a_url_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected redis\+sentinel://"):
        SentinelUrl.read(f"redis+sentinel://{wrong}")


@pytest.mark.parametrize(
    "wrong",
    ["redis+sentinel://a:1/desk?ssl_ca_certs=/ca.pem", "rediss+sentinel://a:1/desk?db=3", "rediss+sentinel://a"],
)
def test_options_of_tls_without_it_and_others_with_it_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected redis\+sentinel://"):
        SentinelUrl.read(wrong)
