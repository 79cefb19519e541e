"""The desk of a run: real services as processes, each behind a proxy of its own, each started again when it ends."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.history.history import History
from tests.chaos.history.redis_server import RedisServer
from tests.support.processes import Process
from tests.support.proxy import Proxy

REPOSITORY = Path(__file__).parent.parent.parent.parent
_LOOK_SECONDS = 0.05
_RESTART_SECONDS = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Post:
    """A process that the desk needs; `module` is what runs it when that is not `osiris_<service>`."""

    name: str
    service: str
    arguments: tuple[str, ...] = ()
    module: str | None = None


_FAKE = "tests.chaos.history.model"
POSTS = (
    Post("gateway", "gateway"),
    Post("hermes-1", "hermes", ("hermes",), _FAKE),
    Post("hermes-2", "hermes", ("hermes",), _FAKE),
    Post("phi3", "phi3", ("phi3",), _FAKE),
    Post("orchestrator-1", "orchestrator"),
    Post("orchestrator-2", "orchestrator"),
    Post("sim", "sim", ("--loop", "--speed", "6x")),
    Post("trainer", "trainer"),
)


class Member:
    """One process with its proxy, and the supervisor that starts it again."""

    def __init__(self, post: Post, process: Process, proxy: Proxy, history: History) -> None:
        self.post = post
        self.proxy = proxy
        self.process = process
        self._history = history
        self._asked = False
        self._stopping = False

    async def supervise(self, chance: random.Random) -> None:
        """Start it again whenever it ends; until `stop`."""
        while not self._stopping:
            await asyncio.sleep(_LOOK_SECONDS)
            code = self.process.poll()
            if code is None or self._stopping:
                continue
            if not self._asked:
                self._history.record("ended", process=self.post.name, code=code)
            self._asked = False
            await asyncio.sleep(chance.uniform(*_RESTART_SECONDS))
            if not self._stopping:
                self.process.start()

    def kill(self) -> None:
        """kill -9; its supervisor starts it again."""
        self._asked = True
        self.process.kill()

    def restart(self) -> None:
        """SIGTERM; its supervisor starts it again."""
        self._asked = True
        self.process.send(signal.SIGTERM)

    async def stop(self, timeout: float) -> None:
        """SIGTERM, for good; what it ended with goes into the history unless it is 0."""
        self._stopping = True
        if self.process.poll() is None:
            self.process.send(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.process.poll() is None:
                    await asyncio.sleep(_LOOK_SECONDS)
        if (code := self.process.poll()) != 0:
            self._history.record("ended", process=self.post.name, code=code, asked=True)
            self.process.kill()


class Desk:
    """Everything that runs between a client and Redis."""

    def __init__(self, redis: RedisServer, home: Path, gateway_port: int, history: History, chance: random.Random):
        self._chance = chance
        self._supervisors: list[asyncio.Task[None]] = []
        self.gateway_url = f"http://127.0.0.1:{gateway_port}"
        self.members: dict[str, Member] = {}
        self._redis = redis
        self._home = home
        self._history = history
        self._environment = {
            "OSIRIS_GATEWAY_PORT": str(gateway_port),
            "OSIRIS_GATEWAY_TIMEOUT_SECONDS": "20",
            "OSIRIS_DRAIN_SECONDS": "5",
            "OSIRIS_SPEECH": "false",  # there is no voice here
            "PYTHONPATH": f"{REPOSITORY}:{os.environ.get('PYTHONPATH', '')}",
        }

    async def start(self, posts: Sequence[Post] = POSTS) -> None:
        """Begin to start everything."""
        for post in posts:
            proxy = Proxy(lambda: self._redis.socket)
            await proxy.start()
            process = Process(
                post.service,
                proxy.url,
                self._home,
                *post.arguments,
                module=post.module,
                name=post.name,
                leashed=True,
                **self._environment,
            )
            member = self.members[post.name] = Member(post, process, proxy, self._history)
            process.start()
            self._supervisors.append(asyncio.create_task(member.supervise(self._chance), name=post.name))

    async def stop(self, *names: str, timeout: float = 20.0) -> None:
        """End the named processes, all by default."""
        chosen = [self.members[name] for name in names or self.members]
        await asyncio.gather(*(member.stop(timeout) for member in chosen))

    def kill(self) -> None:
        """End everything at once, whatever it does."""
        for task in self._supervisors:
            task.cancel()
        for member in self.members.values():
            member.process.kill()
