"""Keys, scopes, limits and origins: what needs no Redis."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osiris_cli.commands.keys import Scope
from osiris_contracts import ApiKey, ChatMessage, GenerateRequest, KeyScope, api_key_digest, new_api_key
from osiris_gateway.metering import estimate
from osiris_gateway.settings import GatewaySettings
from osiris_mesh import Misconfigured
from osiris_mesh.http.credentials import digest_of, key_in
from osiris_mesh.http.keys import Keys
from osiris_mesh.http.limits import PERIOD, Limit, Reading, headers, reading
from osiris_mesh.http.neighbours import is_loopback, is_of_this_machine
from osiris_mesh.key_ring import Ring

NOW = datetime(2024, 1, 2, tzinfo=UTC)
SECRET = "osiris_0123456789abcdefghijklmnopqrstuvwxyz"


def key(name: str = "notebook", *, secret: str = SECRET, **facts: object) -> ApiKey:
    return ApiKey.model_validate(
        {"name": name, "digest": api_key_digest(secret.encode()), "scopes": ["generate"], "created_at": NOW} | facts
    )


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keys_are_long_random_and_recognisable() -> None:
    made = {new_api_key() for _ in range(1000)}
    assert len(made) == 1000
    assert all(each.startswith("osiris_") and len(each) == 50 for each in made)


def test_a_digest_is_fast_and_says_nothing_of_the_key() -> None:
    digest = api_key_digest(SECRET.encode())
    assert len(digest) == 64 and SECRET not in digest
    started = time.perf_counter()
    for _ in range(1000):
        api_key_digest(SECRET.encode())
    assert time.perf_counter() - started < 0.1  # a microsecond each on an idle machine


def test_what_is_kept_of_a_key_shows_neither_it_nor_its_digest() -> None:
    assert SECRET not in key().model_dump_json()
    assert key().digest not in repr(key())


def test_a_key_permits_its_scopes_and_admin_everything() -> None:
    assert [scope for scope in get_args(KeyScope) if key().permits(scope)] == ["generate"]
    assert all(key(scopes=["admin"]).permits(scope) for scope in get_args(KeyScope))


def test_the_command_knows_all_scopes() -> None:
    assert set(Scope) == set(get_args(KeyScope))


def test_a_key_expires_at_its_moment() -> None:
    ending = key(expires_at=NOW + timedelta(days=1))
    assert not ending.is_expired(NOW + timedelta(hours=23))
    assert ending.is_expired(NOW + timedelta(days=1))
    assert not key().is_expired(NOW + timedelta(days=9999))


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a b"}, {"name": "x" * 65}, {"scopes": []}, {"scopes": ["root"]}, {"tokens_per_minute": 0}],
)
def test_a_key_that_makes_no_sense_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        key(**{"name": "notebook"} | wrong)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ([], b""),
        ([(b"authorization", b"Bearer one")], b"one"),
        ([(b"authorization", b"bearer  one ")], b"one"),
        ([(b"authorization", b"Basic one")], b""),
        ([(b"authorization", b"one")], b""),
        ([(b"x-api-key", b"two")], b"two"),
        ([(b"x-api-key", b"two"), (b"authorization", b"Bearer one")], b"one"),
        ([(b"authorization", b"Basic one"), (b"x-api-key", b"two")], b"two"),
        ([(b"authorization", b"Bearer \xff\xfe")], b"\xff\xfe"),
    ],
)
def test_the_key_is_found_in_either_header(sent: list[tuple[bytes, bytes]], found: bytes) -> None:
    assert key_in(sent) == found


def test_both_headers_are_the_same_caller_and_no_key_is_nobody() -> None:
    bearer, plain = [(b"authorization", b"Bearer one")], [(b"x-api-key", b"one")]
    assert digest_of(key_in(bearer)) == digest_of(key_in(plain)) == api_key_digest(b"one")
    assert digest_of(b"") == ""


# --- which keys are asked for ---------------------------------------------------------------------------------------


@dataclass
class Rings:
    """A ring that says what the test wants."""

    now: Ring
    clock: datetime = NOW

    async def version(self) -> bytes | None:
        return self.now.version

    async def read(self) -> Ring:
        return self.now


NO_KEYS = Ring(None, ())


def keys(ring: Ring, *, host: str = "127.0.0.1", **settings: object) -> tuple[Keys, Rings]:
    given = GatewaySettings.model_validate({"probe_host": host} | settings)
    rings = Rings(ring)
    found = Keys(
        rings,  # type: ignore[arg-type]
        given.api_key,
        prefix="OSIRIS_GATEWAY_",
        host=host,
        is_loopback=given.is_loopback,
        now=lambda: rings.clock,
    )
    return found, rings


@pytest.mark.parametrize(
    ("ring", "host", "api_key", "asked"),
    [
        (NO_KEYS, "127.0.0.1", None, False),
        (NO_KEYS, "127.0.0.1", SECRET, True),
        (NO_KEYS, "0.0.0.0", SECRET, True),
        (Ring(b"1", (key(),)), "127.0.0.1", None, True),
        (Ring(b"1", (key(expires_at=NOW),)), "127.0.0.1", None, True),  # the last one ended
        (Ring(b"2", ()), "127.0.0.1", None, True),  # the last one was revoked
        (Ring(b"open", ()), "127.0.0.1", None, False),
        (Ring(b"open", ()), "::", SECRET, True),
    ],
)
async def test_keys_are_asked_for_from_the_first_on(ring: Ring, host: str, api_key: str | None, asked: bool) -> None:
    found, _ = keys(ring, host=host, api_key=api_key)
    assert found.are_asked  # before they are read
    await found.require()
    assert found.are_asked is asked


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "desk.example"])
async def test_beyond_loopback_the_door_does_not_open_without_a_key(host: str) -> None:
    found, rings = keys(NO_KEYS, host=host)
    with pytest.raises(Misconfigured, match=f"OSIRIS_GATEWAY_HOST={host}.*osiris keys add.*OSIRIS_GATEWAY_API_KEY"):
        await found.require()
    rings.now = Ring(b"1", (key(),))
    await found.require()


async def test_a_redis_that_lost_its_keys_does_not_open_the_door() -> None:
    found, rings = keys(Ring(b"1", (key(),)))
    await found.refresh()
    rings.now = NO_KEYS
    await found.refresh()
    assert found.are_asked and found.find(key().digest) is None
    rings.now = Ring(b"open", ())  # somebody says so
    await found.refresh()
    assert not found.are_asked


async def test_keys_come_go_and_end() -> None:
    short = key("short", secret="another one", expires_at=NOW + timedelta(hours=1))
    found, rings = keys(Ring(b"1", (key(), short)), api_key="a bootstrap key of mine")
    await found.refresh()
    assert found.find(key().digest) == key()
    assert found.find(short.digest) == short
    bootstrap = found.find(api_key_digest(b"a bootstrap key of mine"))
    assert bootstrap and bootstrap.permits("admin")
    rings.clock += timedelta(hours=1)
    assert found.find(short.digest) is None
    rings.now = Ring(b"2", (short,))
    await found.refresh()
    assert found.find(key().digest) is None
    assert found.find("") is None


# --- limits ---------------------------------------------------------------------------------------------------------


def test_a_bucket_that_has_room_tells_what_is_left() -> None:
    limit = Limit("requests", 60)
    assert reading(limit, 1, 1_000_000) == Reading(limit, remaining=59, reset=1)
    assert reading(limit, 1, PERIOD) == Reading(limit, remaining=0, reset=60)
    assert reading(limit, 1, 0) == Reading(limit, remaining=60, reset=0)


def test_a_bucket_that_has_none_tells_when_to_come_again() -> None:
    limit = Limit("tokens", 600)
    refused = reading(limit, 100, -2_000_001)  # 100 tokens are 10 s; 80 of them were there
    assert (refused.remaining, refused.retry_after) == (79, 3)
    assert refused.reset == 53  # 521 of 600 are missing


@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_what_is_taken_at_once_is_never_more_than_there_can_be(amount: int, wanted: int) -> None:
    assert 1 <= Limit("tokens", amount).takeable(wanted) <= amount


@given(st.integers(1, 1_000_000), st.integers(1, 100), st.floats(0, 1))
def test_readings_stay_within_the_limit(amount: int, taken: int, full: float) -> None:
    limit = Limit("requests", amount)
    taken = limit.takeable(taken)
    for answer in (int(full * PERIOD), -int(full * PERIOD) - 1):
        found = reading(limit, taken, answer)
        assert 0 <= found.remaining <= amount
        assert found.reset >= 0
        assert (found.retry_after > 0) == (answer < 0)


def test_limits_are_told_as_the_draft_has_them() -> None:
    requests, tokens = Limit("requests", 60), Limit("tokens", 1000)
    assert headers([]) == {}
    assert headers([Reading(requests, 59, 1), Reading(tokens, 0, 60, 3)]) == {
        "ratelimit-policy": '"requests";q=60;w=60, "tokens";q=1000;w=60',
        "ratelimit": '"requests";r=59;t=1, "tokens";r=0;t=60',
    }


def test_an_estimate_is_of_the_prompt_and_the_longest_answer() -> None:
    assert estimate(GenerateRequest(prompt="x" * 400, max_length=50)) == 150
    chat = GenerateRequest(messages=(ChatMessage(role="user", content="x" * 9),), max_length=1)
    assert estimate(chat) == 4


# --- the machine and its neighbours ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "desk.localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert GatewaySettings(probe_host=host).is_loopback


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("10.0.0.1:8000", False),
        ("", False),
    ],
)
def test_a_page_that_calls_by_another_name_is_a_stranger(host: str, ours: bool) -> None:
    assert is_of_this_machine([(b"host", host.encode())]) is ours


def test_no_browser_leaves_the_host_out() -> None:
    assert is_of_this_machine([])


def test_origins_are_listed_with_commas() -> None:
    assert GatewaySettings().origins == ()
    given = GatewaySettings(cors_origins="https://desk.example, http://localhost:3000,null,")
    assert given.origins == ("https://desk.example", "http://localhost:3000", "null")


@pytest.mark.parametrize("origins", ["*", "https://*.example", "desk.example", "https://desk.example/page", "nullable"])
def test_what_is_no_origin_is_refused(origins: str) -> None:
    with pytest.raises(ValidationError, match="expected origins such as"):
        GatewaySettings(cors_origins=origins)
