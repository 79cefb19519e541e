"""Each service under a Redis user of its own: all work together, and none can touch what is not its own."""

import asyncio
import os
import runpy
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from tests.support.processes import Process, until
from tests.support.redis_server import redis_server

from osiris_contracts import Control, WatchdogEvent, streams
from osiris_mesh import trim
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive
from osiris_watchdog.brake import Brake, Pace
from osiris_watchdog.meters.memory import MemoryMeter
from osiris_watchdog.records import Records

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("users"), pytest.mark.asyncio(loop_scope="module")]

REPOSITORY = Path(__file__).parent.parent.parent
TOOL = REPOSITORY / "tools" / "redis_users.py"
FAKE = "tests.support.quiet_model"
WATCHER = "user watcher on nopass ~* &* +@all\n"
"""For the test alone: whoever may ask what was refused to whom."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk whose Redis knows its services by name."""

    urls: dict[str, str]
    processes: dict[str, Process]
    gateway_url: str
    home: Path
    ready_at: float


def make_secrets(folder: Path, url: str) -> dict[str, str]:
    """As a newcomer does; the URL of each user."""
    subprocess.run([sys.executable, TOOL, "--secrets", folder, "--url", url], check=True, capture_output=True)
    return {path.stem: path.read_text().strip().partition("=")[2] for path in folder.glob("*.env")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """gateway, orchestrator, sim, trainer, tts, watchdog and two quick models, each with the URL of its own user."""
    folder = tmp_path_factory.mktemp("users")
    home, secrets = folder / "home", folder / "secrets"
    make_secrets(secrets, "redis://127.0.0.1:1/0")
    users = folder / "users.acl"
    users.write_text((secrets / "users.acl").read_text() + WATCHER)
    with redis_server(folder / "redis", "--aclfile", str(users)) as port:
        urls = make_secrets(secrets, f"redis://127.0.0.1:{port}/0")  # the passwords are those from before
        urls["watcher"] = f"redis://watcher:x@127.0.0.1:{port}/0"
        environment = {"PYTHONPATH": f"{REPOSITORY}:{os.environ.get('PYTHONPATH', '')}"}
        posts = {
            "hermes": Process("hermes", urls["hermes"], home, "hermes", module=FAKE, **environment),
            "phi3": Process("phi3", urls["phi3"], home, "phi3", module=FAKE, **environment),
            "trainer": Process("trainer", urls["trainer"], home),
            "tts": Process("tts", urls["tts"], home),
            "azr_planner": Process("azr_planner", urls["azr_planner"], home),
            "dgm": Process("dgm", urls["dgm"], home),
            "gateway": Process("gateway", urls["gateway"], home),
            "orchestrator": Process("orchestrator", urls["orchestrator"], home),
            "sim": Process("sim", urls["sim"], home, "--loop", "--speed", "4x"),
            "watchdog": Process("watchdog", urls["watchdog"], home, "--meter", "memory"),
        }
        async with AsyncExitStack() as stack:
            for process in posts.values():
                stack.enter_context(process)
            for process in posts.values():
                await process.ready()
            watcher = connect(urls["watcher"])
            (gateway,) = await alive(watcher, "gateway")
            await watcher.aclose()
            yield Desk(urls, posts, gateway.probe_url or "", home, time.monotonic())


async def test_the_desk_works_and_nobody_is_refused_anything(desk: Desk) -> None:
    async with httpx.AsyncClient(base_url=desk.gateway_url, timeout=30) as http:
        trade = await http.post("/propose_trade_adjustments/", json={"prompt": "SPY rose 1 %."})
        assert trade.status_code == 200, trade.text
        body = {"transaction_id": trade.json()["transaction_id"], "feedback_type": "rating", "feedback_content": 1}
        assert (await http.post("/feedback/phi3/", json=body)).status_code == 200
        streamed = {"prompt": "What is a stop?", "stream": True}
        for headers in ({}, {"Idempotency-Key": "one"}, {"Idempotency-Key": "one"}, {"X-Osiris-Priority": "batch"}):
            answer = await http.post("/generate/", json=streamed, headers=headers)
            assert answer.status_code == 200, answer.text
            assert "event: result" in answer.text
        assert (await http.get("/health")).json()["status"] == "ok"
        spoken = await http.post("/speak", json={"text": "Gold rose."})
        assert spoken.status_code == 200, spoken.text
        assert (await http.post("/desk/stop", json={})).is_success
        await shown(http, {"tick", "decision", "services", "lag", "dead", "versions", "control"})

    feedback_log = desk.home / "data" / "phi3_feedback_data.jsonl"
    watcher = connect(desk.urls["watcher"])

    async def recorded_and_decided() -> bool:
        decided = await watcher.xlen(streams.ADVICE_GENERATED) >= 3
        return decided and feedback_log.exists() and str(body["transaction_id"]) in feedback_log.read_text()

    await until(recorded_and_decided, timeout=60)
    # what goes aside, what comes from strangers, what is told to a service
    await watcher.xadd(streams.HERMES_REQUESTS, {"data": "no JSON"})
    await watcher.xadd(streams.MARKET_ORDERS, {"data": "no JSON"})
    await watcher.xadd(streams.PROPOSAL_CREATED, {"data": "no JSON"})
    await watcher.xadd(streams.MARKET_TICKS, {"data": "no JSON"})
    await watcher.xadd(streams.PHI3_REQUESTS, {"data": '{"prompt":"x"}', "replyto": "my.replies"})
    await watcher.xadd(
        streams.HERMES_REQUESTS, {"data": '{"prompt":"x"}', "priority": "batch", "replyto": "my.replies"}
    )
    question = {"data": '{"kernel":{"bars":3}}', "id": "one", "replyto": "my.replies"}
    await watcher.xadd(streams.PLANNER_REQUESTS, question)
    await watcher.xadd(streams.DGM_OUTCOMES, {"data": "no JSON"})
    for name in ("hermes", "phi3"):
        await watcher.xadd(streams.control(name), {"data": '{"command":"cancel","request_id":"x"}'})
    asides = (streams.HERMES_REQUESTS, streams.MARKET_ORDERS, streams.PROPOSAL_CREATED, streams.MARKET_TICKS)
    asides += (streams.DGM_OUTCOMES,)

    async def aside_and_answered() -> bool:
        put_aside = [await watcher.exists(streams.dead(stream)) for stream in asides]
        return all(put_aside) and await watcher.xlen("my.replies") >= 3

    await until(aside_and_answered, timeout=60, what="dead letters and answers")
    assert await refusals(watcher) == []
    await watcher.aclose()


async def shown(http: httpx.AsyncClient, wanted: set[str]) -> None:
    """Look at the desk's page until it has told of everything that is wanted."""
    missing = set(wanted)
    async with http.stream("GET", "/stream/desk") as answer:
        async for line in answer.aiter_lines():
            missing.discard(line.removeprefix("event: "))
            if not missing:
                return
    raise AssertionError(f"the feed ended without {missing}")


async def refusals(watcher: Any) -> list[str]:
    """Who was refused what."""
    return [f"{each['username']}: {each['reason']} {each['object']}" for each in await watcher.acl_log()]


NOT_ITS_OWN: dict[str, list[tuple[Any, ...]]] = {
    "hermes": [
        ("XADD", "market.orders", "*", "data", "{}"),
        ("XADD", "hermes.requests2", "*", "data", "{}"),
        ("XADD", "market.ticks", "*", "data", "{}"),
        ("XREAD", "STREAMS", "phi3.requests", "0"),
        ("XREAD", "STREAMS", "phi3.feedback.submitted", "0"),
        ("XREAD", "STREAMS", "my.replies", "0"),
        ("SET", "state:orchestrator", "x"),
        ("DEL", "idempotency:x"),
        ("SET", "presence:phi3:x", "{}"),
        ("EVAL", "return redis.call('DEL', 'state:orchestrator')", 0),
        ("EVAL", "return redis.call('DEL', KEYS[1])", 1, "state:orchestrator"),
    ],
    "gateway": [
        ("DEL", "hermes.requests"),
        ("XTRIM", "hermes.requests", "MAXLEN", 0),
        ("XACK", "hermes.requests", "hermes", "1-0"),
        ("XREADGROUP", "GROUP", "hermes", "me", "STREAMS", "hermes.requests", ">"),
        ("XGROUP", "DESTROY", "hermes.requests", "hermes"),
        ("EVAL", "return redis.call('DEL', KEYS[1])", 1, "hermes.requests"),
        ("XADD", "market.orders", "*", "data", "{}"),
        ("XADD", "advice.generated", "*", "data", "{}"),
        ("XADD", "desk.status", "*", "data", "{}"),
        ("PUBLISH", "audio.bytes", "x"),
        ("HSET", "gateway:keys", "mine", "{}"),
        ("GET", "state:orchestrator"),
    ],
    "orchestrator": [
        ("XADD", "phi3.feedback.submitted", "*", "data", "{}"),
        ("XREAD", "STREAMS", "hermes.requests", "0"),
        ("GET", "proposal:x"),
        ("SET", "lease:sim.EURUSD", "me"),
    ],
    "sim": [
        ("XADD", "hermes.requests", "*", "data", "{}"),
        ("SET", "lease:orchestrator", "me"),
        ("XREAD", "STREAMS", "advice.generated", "0"),
    ],
    "tts": [
        ("XADD", "market.orders", "*", "data", "{}"),
        ("XREAD", "STREAMS", "hermes.requests", "0"),
        ("PUBLISH", "alerts", "x"),
    ],
    "azr_planner": [
        ("XADD", "market.orders", "*", "data", "{}"),
        ("XREAD", "STREAMS", "advice.generated", "0"),
        ("SET", "state:orchestrator", "x"),
        ("HSET", "gateway:keys", "mine", "{}"),
    ],
    "dgm": [
        ("XADD", "market.orders", "*", "data", "{}"),
        ("XADD", "market.ticks", "*", "data", "{}"),
        ("XREAD", "STREAMS", "hermes.requests", "0"),
        ("SET", "state:orchestrator", "x"),
    ],
    "trainer": [
        ("XADD", "hermes.requests", "*", "data", "{}"),
        ("XREAD", "STREAMS", "market.ticks", "0"),
        ("XADD", "advice.generated", "*", "data", "{}"),
    ],
    "watchdog": [
        ("XADD", "hermes.requests", "*", "data", "{}"),
        ("XREAD", "STREAMS", "control.hermes", "0"),
        ("SET", "presence:phi3:x", "{}"),
    ],
    "scaler": [
        ("XRANGE", "hermes.requests", "-", "+"),
        ("XINFO", "STREAM", "hermes.requests"),  # shows the first and the last request
        ("XINFO", "GROUPS", "advice.generated"),
        ("XREADGROUP", "GROUP", "hermes", "x", "STREAMS", "hermes.requests", ">"),
        ("XADD", "planner.requests", "*", "data", "{}"),
        ("GET", "state:orchestrator"),
    ],
}
THE_SERVERS = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("ACL", "LIST"),
    ("SHUTDOWN",),
    ("MONITOR",),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("MODULE", "LIST"),
    ("SCRIPT", "FLUSH"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("SUBSCRIBE", "audio.bytes"),
]
"""Commands on the server itself, which no user of ours may give."""


@pytest.mark.parametrize("service", NOT_ITS_OWN)
async def test_a_service_is_refused_what_is_not_its_own(desk: Desk, service: str) -> None:
    redis = connect(desk.urls[service])
    for command in NOT_ITS_OWN[service] + THE_SERVERS + [("KEYS", "*"), ("SCAN", "0")]:
        with pytest.raises(ResponseError) as refused:
            await redis.execute_command(*command)
        told = str(refused.value)
        assert isinstance(refused.value, NoPermissionError) or "ACL failure in script" in told, (command, told)
    await redis.aclose()


SCALED = [
    pytest.param(path.parent.name.replace("-", "_"), stream, id=stream)
    for path in sorted((REPOSITORY / "deploy" / "helm").glob("*/values.yaml"))
    for stream in yaml.safe_load(path.read_text()).get("keda", {}).get("streams", [])
]
"""Service and stream of every trigger in the charts; a service's group is called after it."""


@pytest.mark.parametrize("service, stream", SCALED)
async def test_keda_sees_how_long_each_queue_is_that_the_charts_name(desk: Desk, service: str, stream: str) -> None:
    """As its scaler redis-streams asks, given a lag: the version, and the group's lag, which wants Redis 7."""
    redis = connect(desk.urls["scaler"])
    assert await redis.ping()
    assert int((await redis.info())["redis_version"].partition(".")[0]) >= 7
    groups = {group["name"]: group["lag"] for group in await redis.xinfo_groups(stream)}
    assert service.encode() in groups, "a stream that nobody reads"
    assert await redis.xlen(stream) >= 0  # the queue where no worker has made the group yet
    await redis.aclose()


async def test_every_stream_of_requests_is_scaled_by() -> None:
    of_models = [*streams.REQUESTS_OF.values(), streams.TTS_REQUESTS, streams.PLANNER_REQUESTS]
    assert {each.values[1] for each in SCALED} == {lane for stream in of_models for lane in streams.lanes(stream)}


async def test_the_operator_may_look_at_all_and_not_at_the_server(desk: Desk) -> None:
    redis = connect(desk.urls["operator"])
    assert await redis.xlen(streams.MARKET_TICKS) > 0
    assert await redis.info("memory")
    for command in THE_SERVERS[:-1]:
        with pytest.raises(NoPermissionError):
            await redis.execute_command(*command)
    await redis.aclose()


async def test_the_watchdog_may_tell_a_service_to_restart(desk: Desk) -> None:
    redis = connect(desk.urls["watchdog"])
    records = Records(redis, Pace())
    event = {"event": "restart_asked", "service": "nobody", "at": "2029-01-01T00:00:00Z", "limit_mib": 1}
    await records.write(WatchdogEvent.model_validate(event), Brake(Pace(), [1.0]), Control(command="restart"))
    assert (await records.brakes())["nobody"].times == (1.0,)
    assert "hermes" in {reading.service for reading in await MemoryMeter(redis, but="watchdog").read()}
    await redis.aclose()


async def test_nobody_comes_in_without_a_name(desk: Desk) -> None:
    address = desk.urls["watcher"].rpartition("@")[2]
    for who in ("", ":guessed@", "gateway:guessed@", "operator:@"):
        redis = connect(f"redis://{who}{address}")
        with pytest.raises((AuthenticationError, NoPermissionError, ResponseError)) as refused:
            await redis.ping()
        assert "guessed" not in str(refused.value)
        await redis.aclose()


async def test_what_was_written_at_once_outlives_a_killed_redis(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets", "redis://127.0.0.1:1/0")
    options = ("--aclfile", str(tmp_path / "secrets" / "users.acl"), "--appendonly", "yes", "--appendfsync", "always")
    with redis_server(tmp_path / "redis", *options) as port:
        redis = connect(make_secrets(tmp_path / "secrets", f"redis://127.0.0.1:{port}/0")["orchestrator"])
        async with redis.pipeline(transaction=True) as commit:
            await commit.xadd(streams.ADVICE_GENERATED, {"data": "{}"}).set("state:orchestrator", "1").execute()
        script = "redis.call('SET', KEYS[1], '1') redis.call('SET', KEYS[2], '1')"
        await redis.eval(script, 2, "lease:orchestrator", "commits:orchestrator")
        await redis.aclose()
    with redis_server(tmp_path / "redis", *options) as port:
        redis = connect(make_secrets(tmp_path / "secrets", f"redis://127.0.0.1:{port}/0")["operator"])
        names = (f"{each}:orchestrator" for each in ("state", "lease", "commits"))
        assert await redis.exists(streams.ADVICE_GENERATED, *names) == 4
        await redis.aclose()


async def test_the_users_are_those_that_the_tool_makes(desk: Desk) -> None:
    tool = runpy.run_path(str(TOOL))
    written = (REPOSITORY / "deploy" / "redis" / "users.acl").read_text()
    assert written == tool["render"](), "run: make acl"
    assert " on " not in written and "#" not in written and "nopass" not in written and ">" not in written
    names = [line.split()[1] for line in written.splitlines()]
    assert names == ["default", *tool["SERVICES"], "scaler", "operator"]


async def test_secrets_are_for_their_owner_alone_and_stay(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = make_secrets(folder, "rediss://redis.example:6380/0")
    assert first["gateway"].startswith("rediss://gateway:") and first["gateway"].endswith("@redis.example:6380/0")
    assert len(set(first.values())) == len(first)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert make_secrets(folder, "rediss://redis.example:6380/0") == first
    users = (folder / "users.acl").read_text()
    assert not any(url.split(":")[2].partition("@")[0] in users for url in first.values())  # hashes alone


async def test_services_leave_in_peace(desk: Desk) -> None:
    """Last: what a service does now and then, and when it drains, is its own, too."""
    watcher = connect(desk.urls["watcher"])
    await watcher.acl_log_reset()
    await asyncio.sleep(max(0.0, desk.ready_at + trim.EVERY_SECONDS + 1 - time.monotonic()))  # each has trimmed once
    codes = {name: process.terminate() for name, process in desk.processes.items()}
    assert set(codes.values()) == {0}, codes
    assert await refusals(watcher) == []
    await watcher.aclose()
