"""One run: start the desk, let the clients and the nemesis loose, wait until it has healed, read what came of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError
from tests.chaos.history.clients import REPLIES, Clients
from tests.chaos.history.history import History
from tests.chaos.history.nemesis import Nemesis
from tests.chaos.history.reading import read
from tests.chaos.history.redis_server import RedisServer
from tests.chaos.history.rest import at_rest
from tests.chaos.history.schedule import KINDS, Fsync, schedule
from tests.chaos.history.services import POSTS, Desk
from tests.support.proxy import Proxy

from osiris_cli.network import free_port
from osiris_contracts import streams
from osiris_mesh.tasks import end

START_SECONDS = 90.0
HEAL_SECONDS = 60.0
_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    Attributes:
        kills_a_minute: kill -9s of services and Redis.
        fsync: Redis' `appendfsync`.
    """

    seed: int
    minutes: float
    kills_a_minute: float = 20.0
    fsync: Fsync = "everysec"


async def run(plan: Plan, folder: Path, tell: Callable[[str], None]) -> Path:
    """Do it; returns the history, which holds the outcome as its last event.

    Args:
        folder: for the history, the logs and what the desk writes.
        tell: is told now and then how it goes.
    """
    path = folder / "history.jsonl"
    with History(path) as history:
        redis = RedisServer(folder / "redis", plan.fsync, history)
        door = Proxy(lambda: redis.socket)
        await door.start()
        desk = Desk(redis, folder, free_port("127.0.0.1"), history, random.Random(plan.seed))
        clients = Clients(desk.gateway_url, door, history, random.Random(plan.seed))
        redis.start()
        background = [asyncio.create_task(redis.bear_witness())]
        try:
            await desk.start()
            await _rest(redis, START_SECONDS)
            working = asyncio.create_task(clients.run())
            background += [working, asyncio.create_task(_progress(redis, history, tell))]
            await Nemesis(desk, redis, clients, history).run(
                schedule(plan.seed, plan.minutes * 60, list(desk.members), plan.kills_a_minute, plan.fsync)
            )
            clients.stop()
            try:
                await working
                history.record("healed", seconds=await _rest(redis, HEAL_SECONDS))
            except AssertionError as error:
                history.record("unhealed", left=str(error))
            await desk.stop("sim")  # or it would never be quiet enough to read
            with suppress(AssertionError):
                await _rest(redis, HEAL_SECONDS, without="sim")
            await desk.stop(*(name for name in desk.members if name != "sim"))
            async with redis.client() as client:
                outcome = await read(client, folder / "data")
            history.record("final", outcome=outcome.model_dump(mode="json"))
        finally:
            desk.kill()
            await end(*background)
            await door.stop()
            redis.stop()
    return path


async def _rest(redis: RedisServer, timeout: float, *, without: str = "") -> float:
    wanted = Counter(post.service for post in POSTS if post.service != without)
    async with redis.client() as client:
        return await at_rest(client, wanted, timeout, except_stream=streams.MARKET_ORDERS if without else "")


async def _progress(redis: RedisServer, history: History, tell: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        with suppress(RedisError, OSError):
            async with redis.client() as client:
                answered = await client.xlen(REPLIES)
                dead = sum([await client.xlen(key) async for key in client.scan_iter(match=streams.dead("*"))])
            deeds = ", ".join(f"{kind} {history.counts[kind]}" for kind in KINDS if history.counts[kind])
            tell(
                f"{history.now():6.0f} s  acknowledged {history.counts['ack']:,}  answered {answered:,}  "
                f"dead {dead:,}  |  {deeds or 'starting'}"
            )
