"""Pause, resume, and the switch that stops new orders: over HTTP, obeyed by a real desk, kept over a restart."""

from pathlib import Path
from typing import Any

import httpx
from tests.integration.test_feeds import door, tick
from tests.support.processes import Process, until

from osiris_contracts import DeskReceipt, DeskStatus, streams
from osiris_desk.state import State
from osiris_mesh import Bus, DeadLetters
from osiris_mesh.envelope import parse

QUICK = {"OSIRIS_ORCHESTRATOR_MODEL_TIMEOUT_SECONDS": "0.3", "OSIRIS_ORCHESTRATOR_FILL_TIMEOUT_SECONDS": "0.2"}


async def tell(http: httpx.AsyncClient, command: str, reason: str = "") -> tuple[int, DeskReceipt]:
    response = await http.post(f"/desk/{command}", json={"reason": reason})
    return response.status_code, DeskReceipt.model_validate_json(response.content)


async def state(bus: Bus) -> State:
    return State.from_json(await bus.redis.get("state:orchestrator"))


async def decided(bus: Bus, count: int) -> None:
    async def enough() -> Any:
        return await bus.redis.xlen(streams.ADVICE_GENERATED) >= count

    await until(enough, what=f"{count} decisions")


async def test_a_paused_desk_takes_no_bar_until_it_is_resumed_also_when_it_was_restarted(
    redis_url: str, tmp_path: Path
) -> None:
    async with Bus(redis_url, "test") as bus, door(redis_url) as (http, _):
        with Process("orchestrator", redis_url, tmp_path, **QUICK) as desk:
            await desk.ready()
            code, receipt = await tell(http, "pause", "lunch")
            assert (code, receipt.confirmed) == (200, True)
            assert receipt.status is not None
            assert (receipt.status.paused, receipt.status.orders_stopped, receipt.status.reason) == (
                True,
                False,
                "lunch",
            )
            desk.kill()
            desk.start()
            await desk.ready()
            for number in range(10):
                await bus.publish(streams.MARKET_TICKS, tick(number))
            code, receipt = await tell(http, "stop")  # it hears, though it takes no bars
            assert receipt.status is not None
            assert (code, receipt.status.paused, receipt.status.orders_stopped) == (200, True, True)
            assert not (await state(bus)).windows
            assert await bus.redis.xlen(streams.ADVICE_GENERATED) == 0
            await tell(http, "resume")
            await decided(bus, 2)
            assert (await state(bus)).orders_stopped


async def test_a_desk_that_is_away_obeys_when_it_comes_back(redis_url: str, tmp_path: Path) -> None:
    async with Bus(redis_url, "test") as bus, door(redis_url) as (http, _):
        code, receipt = await tell(http, "stop", "I do not trust it")
        assert (code, receipt.confirmed, receipt.status) == (202, False, None)
        with Process("orchestrator", redis_url, tmp_path, **QUICK):

            async def obeyed() -> Any:
                return await bus.redis.xrange(streams.DESK_STATUS)

            ((_, fields),) = await until(obeyed)
        status = DeskStatus.model_validate_json(parse(fields).data)
        assert (status.orders_stopped, status.command_id) == (True, str(receipt.command_id))


async def test_a_run_that_waits_for_a_model_does_not_keep_the_owner_waiting(redis_url: str, tmp_path: Path) -> None:
    slow = {"OSIRIS_ORCHESTRATOR_MODEL_TIMEOUT_SECONDS": "60"}
    async with Bus(redis_url, "test") as bus, door(redis_url) as (http, _):
        with Process("orchestrator", redis_url, tmp_path, **slow) as desk:
            await desk.ready()
            for number in range(5):
                await bus.publish(streams.MARKET_TICKS, tick(number))

            async def asked() -> Any:
                return await bus.redis.xlen(streams.PHI3_REQUESTS)

            await until(asked, what="the desk to ask phi3")
            code, receipt = await tell(http, "stop")
            assert (code, receipt.confirmed) == (200, True)
            assert (await state(bus)).orders_stopped


async def test_what_is_no_command_is_put_aside(redis_url: str, tmp_path: Path) -> None:
    async with Bus(redis_url, "test") as bus, door(redis_url) as (http, _):
        await bus.redis.xadd(streams.DESK_COMMANDS, {"data": '{"command": "sell everything"}'})
        with Process("orchestrator", redis_url, tmp_path, **QUICK) as desk:
            await desk.ready()
            assert (await tell(http, "allow"))[0] == 200
        assert len(await DeadLetters(bus.redis).list(streams.DESK_COMMANDS)) == 1
        assert (await http.post("/desk/sell", json={})).status_code == 404
        assert (await http.post("/desk/stop", json={"why": "x"})).status_code == 422
