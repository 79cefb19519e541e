"""GET /stream/desk and GET /stream/audio over a real Redis: resume, slow clients, restarts, signs of life."""

import asyncio
import base64
import io
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.support.processes import Process
from tests.support.sse import listening

from osiris_contracts import (
    AudioClip,
    BarRange,
    BookView,
    Chunk,
    Contract,
    Decision,
    MarketTick,
    PositionView,
    streams,
)
from osiris_gateway import app
from osiris_gateway.settings import GatewaySettings
from osiris_mesh import Bus, Service

START = datetime(2026, 1, 5, tzinfo=UTC)


def tick(number: int) -> MarketTick:
    at = START + timedelta(minutes=number)
    return MarketTick(symbol="SPY", timestamp=at, open=1, high=2, low=1, close=1.5, volume=number)


def decision(number: int) -> Decision:
    flat = PositionView(quantity=0, average_cost=0)
    return Decision(
        run_id=UUID(int=number),
        sequence=number,
        symbol="SPY",
        status="failed",
        bars=BarRange(first=START, last=START, count=1, open=1, high=1, low=1, close=1),
        book=BookView(cash=1, nav=1, realised_pnl=0, daily_pnl=0, fees=0, position=flat),
        policy_version="1",
    )


def clip(number: int, size: int = 0) -> AudioClip:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(size or 160))
    return AudioClip(
        request_id=str(number),
        index=0,
        last=True,
        text=f"clip {number}",
        sample_rate=8000,
        seconds=0.01,
        wav_b64=base64.b64encode(sound.getvalue()).decode(),
        engine="test",
    )


@asynccontextmanager
async def door(redis_url: str, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
    """A gateway on a free port, and a client of it."""
    service = app.build(GatewaySettings(redis_url=redis_url, probe_port=0, **settings))
    async with (
        service.running(probes=True),
        httpx.AsyncClient(base_url=service.presence().probe_url or "", timeout=20) as http,
    ):
        yield http, service


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    async with Bus(redis_url, "test") as mesh:
        yield mesh


async def publish(bus: Bus, **messages: Contract) -> None:
    names = {"tick": streams.MARKET_TICKS, "decision": streams.ADVICE_GENERATED, "clip": streams.AUDIO_BYTES}
    for name, message in messages.items():
        await bus.publish(names[name], message)


def numbers(events: list[Any], kind: str) -> list[int]:
    key = {"tick": "volume", "decision": "sequence"}[kind]
    return [int(each.json[key]) for each in events if each.kind == kind]


async def test_a_new_client_gets_what_was_then_what_happens(redis_url: str, bus: Bus) -> None:
    for number in range(1, 8):
        await publish(bus, tick=tick(number))
    await publish(bus, decision=decision(1))
    async with door(redis_url) as (http, _), listening(http, "/stream/desk?history=3") as events:
        before = await events.until("live")
        assert numbers(before, "tick") == [5, 6, 7]
        assert numbers(before, "decision") == [1]
        await publish(bus, tick=tick(8), decision=decision(2))
        after = await events.until("decision")
        assert (numbers(after, "tick"), numbers(after, "decision")) == ([8], [2])


async def test_the_critic_is_heard_as_it_writes_and_nothing_else_on_that_stream(redis_url: str, bus: Bus) -> None:
    run = uuid4()
    async with (
        door(redis_url) as (http, _),
        listening(http, "/stream/desk") as events,
        Bus(redis_url, "hermes") as hermes,
        Bus(redis_url, "phi3") as phi3,
    ):
        await events.until("live")
        for number, sender in enumerate((phi3, hermes, hermes)):
            piece = Chunk(index=number, text=f"word {number} ")
            await sender.publish(streams.ORCHESTRATOR_REPLIES, piece, correlationid=str(run))
        found = [each.json for each in await events.until("critique", 2) if each.kind == "critique"]
    assert found == [{"run_id": str(run), "index": number, "text": f"word {number} "} for number in (1, 2)]


async def test_it_tells_how_the_desk_is(redis_url: str, bus: Bus) -> None:
    await bus.redis.xgroup_create(streams.MARKET_TICKS, "orchestrator", id="0", mkstream=True)
    await publish(bus, tick=tick(1))
    await bus.redis.xadd(streams.dead(streams.MARKET_TICKS), {"data": "?"})
    async with door(redis_url) as (http, _), listening(http, "/stream/desk") as events:
        told = {each.kind: each.json for each in await events.until("dead")}
        assert [each["service"] for each in told["services"]["services"]] == ["gateway"]
        assert told["services"]["services"][0]["state"] == "ready"
        assert told["versions"] == {"phi3": None, "hermes": None, "policy": None}
        (queue,) = told["lag"]["queues"]
        assert (queue["stream"], queue["group"], queue["lag"]) == (streams.MARKET_TICKS, "orchestrator", 1)
        assert told["dead"] == {"streams": {streams.MARKET_TICKS: 1}}


async def test_what_does_not_keep_its_contract_is_left_out(redis_url: str, bus: Bus) -> None:
    async with door(redis_url) as (http, _), listening(http, "/stream/desk") as events:
        await events.until("live")
        await bus.redis.xadd(streams.MARKET_TICKS, {"data": '{"symbol": "SPY", "close": NaN}'})
        await bus.redis.xadd(streams.MARKET_TICKS, {"nothing": "here"})
        await publish(bus, tick=tick(1))
        assert numbers(await events.until("tick"), "tick") == [1]


async def test_a_client_that_comes_back_anywhere_has_all_and_nothing_twice(redis_url: str, bus: Bus) -> None:
    """It hangs up after every few events, while three streams go on, and two gateways take turns."""
    total, seen, last = 120, [], ""

    async def desk() -> None:
        for number in range(1, total + 1):
            await publish(bus, tick=tick(number), decision=decision(number))
            await asyncio.sleep(0.002)

    async with door(redis_url) as (one, _), door(redis_url) as (other, _):
        working = asyncio.create_task(desk())
        turns = 0
        while len(seen) < 2 * total:
            turns += 1
            http, some = (one, other)[turns % 2], 1 + turns % 7
            async with listening(http, "/stream/desk?history=0", after=last or "0") as events:
                async for event in events:
                    if event.id:
                        last = event.id
                        seen.append((event.kind, numbers([event], event.kind)[0]))
                        some -= 1
                    if not some or len(seen) == 2 * total:
                        break
        await working
    assert turns > 20
    for kind in ("tick", "decision"):
        assert [number for name, number in seen if name == kind] == list(range(1, total + 1))


async def test_a_restart_of_the_gateway_loses_nothing_and_doubles_nothing(
    redis_url: str, tmp_path: Path, bus: Bus
) -> None:
    seen: list[int] = []
    for round_ in range(2):
        with Process("gateway", redis_url, tmp_path) as gateway:
            await gateway.ready()
            (present,) = [each for each in await bus.instances("gateway") if f"-{gateway.pid}-" in each.instance]
            assert present.probe_url
            async with httpx.AsyncClient(base_url=present.probe_url, timeout=20) as http:
                if round_ == 0:
                    async with listening(http, "/stream/desk") as events:
                        await events.until("live")
                        await publish(bus, tick=tick(1), decision=decision(1))
                        found = await events.until("decision")
                        last = found[-1].id
                        gateway.kill()
                        await publish(bus, tick=tick(2), decision=decision(2))
                else:
                    async with listening(http, "/stream/desk", after=last) as events:
                        found = await events.until("live")
                        await publish(bus, tick=tick(3), decision=decision(3))
                        found += await events.until("decision")
                seen += numbers(found, "tick") + numbers(found, "decision")
    assert seen == [1, 1, 2, 3, 2, 3]


async def test_a_client_that_does_not_read_holds_nobody_up(
    redis_url: str, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osiris_gateway.feeds.WAITING", {"tick": 50, "critique": 50})
    total = 4_000
    async with door(redis_url) as (http, service):
        url = httpx.URL(service.presence().probe_url or "")
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=4096)
        writer.write(b"GET /stream/desk?history=0 HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readuntil(b"event: live")  # and from here on it reads no more
        async with listening(http, "/stream/desk?history=0") as quick:
            await quick.until("live")
            reading = asyncio.create_task(quick.until("decision", 40, seconds=30))
            big = "x" * 2000
            for number in range(1, total + 1):
                bus.writer.put("XADD", streams.MARKET_TICKS, "*", "data", tick(number).model_dump_json(), "pad", big)
                if number % 100 == 0:
                    await publish(bus, decision=decision(number // 100))
            found = await reading
        assert numbers(found, "decision") == list(range(1, 41))
        started = time.monotonic()
        assert (await http.get("/health")).status_code == 200
        assert time.monotonic() - started < 1
        # the slow one wakes up: every decision is there, the oldest bars are gone, and it is told how many
        slow = b""
        async with asyncio.timeout(20):
            while slow.count(b"event: decision") < 40 or b"event: dropped" not in slow:
                slow += await reader.read(65536)
        writer.close()
        sequences = [int(part.split(b",")[0]) for part in slow.split(b'"sequence":')[1:]]
        assert sequences == list(range(1, 41))
        dropped = max(int(part.split(b",")[0]) for part in slow.split(b'event: dropped\ndata: {"ticks":')[1:])
        assert dropped > 0
        assert slow.count(b"event: tick") + dropped == total


async def test_a_gateway_that_stops_lets_its_clients_go(redis_url: str) -> None:
    live = asyncio.Event()

    async def follow(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http, listening(http, "/stream/desk") as events:
            await events.until("live")
            live.set()
            async for _ in events:
                pass

    service = app.build(GatewaySettings(redis_url=redis_url, probe_port=0))
    async with service.running(probes=True):
        following = asyncio.create_task(follow(service.presence().probe_url or ""))
        await live.wait()
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5  # and not the 20 s that work may take
    await asyncio.wait_for(following, 5)


async def test_clips_come_as_base64_wav_under_their_stream_ids_and_resume(redis_url: str, bus: Bus) -> None:
    await publish(bus, clip=clip(1))
    async with door(redis_url) as (http, _):
        async with listening(http, "/stream/audio") as events:
            await events.until("comment")
            await publish(bus, clip=clip(2))
            first = (await events.until("", 1))[-1]
        entries = await bus.redis.xrange(streams.AUDIO_BYTES)
        assert first.id == entries[1][0].decode()
        assert base64.b64decode(first.data)[:4] == b"RIFF"
        await publish(bus, clip=clip(3))
        await publish(bus, clip=clip(4))
        async with listening(http, "/stream/audio", after=first.id) as events:
            rest = [each for each in await events.until("", 2) if each.data]
        ids = [entry_id.decode() for entry_id, _ in await bus.redis.xrange(streams.AUDIO_BYTES)]
        assert [each.id for each in rest] == ids[2:]
        assert rest[0].data == clip(3).wav_b64


async def test_a_silent_stream_shows_about_every_second_that_it_lives(redis_url: str) -> None:
    async with door(redis_url) as (http, _), listening(http, "/stream/audio") as events:
        await events.until("comment")
        started = time.monotonic()
        found = await events.until("comment", 2)
        assert 1.5 < time.monotonic() - started < 4
        assert {each.comment for each in found} == {"keep-alive"}


@pytest.mark.parametrize(("path", "last"), [("desk", "yesterday"), ("audio", "19f0c"), ("desk", "x" * 600)])
async def test_a_place_that_is_none_is_refused(redis_url: str, path: str, last: str) -> None:
    async with door(redis_url) as (http, _):
        response = await http.get(f"/stream/{path}", headers={"Last-Event-ID": last})
    assert response.status_code == 422
    assert "Last-Event-ID" in response.json()["detail"]
