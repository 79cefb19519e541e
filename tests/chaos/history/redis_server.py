"""The Redis of a run: killed, paused, flushed, deprived of power, and asked each time what it lost."""

import asyncio
import os
import signal
from collections import deque
from pathlib import Path

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from tests.chaos.history.history import History
from tests.chaos.history.schedule import Fsync

from osiris_cli.embedded_redis import EmbeddedRedis

WITNESS = "chaos.witness"
_WITNESS_SECONDS = 0.02
_SAMPLE_SECONDS = 0.05
_SAMPLES = 200


class RedisServer:
    """A real Redis with an append-only file, and a witness that counts in it.

    The file is a log, so what a crash loses is its end. The witness writes 1, 2, 3, …; the number that survives says
    from which moment on everything acknowledged is gone.
    """

    def __init__(self, folder: Path, fsync: Fsync, history: History) -> None:
        self.fsync: Fsync = fsync
        self._embedded = EmbeddedRedis(folder)
        self._history = history
        self._sent: dict[int, float] = {}
        self._acknowledged = 0
        self._sizes: deque[tuple[float, Path, int]] = deque(maxlen=_SAMPLES)

    @property
    def socket(self) -> Path:
        """Where it listens now."""
        return self._embedded.socket

    @property
    def url(self) -> str:
        """Past every proxy."""
        return self._embedded.url

    def start(self) -> int:
        """Start it; returns how far the witness counts. Blocks, so nobody comes in before it is set up."""
        self._embedded.start()
        with redis.Redis.from_url(self.url) as client:
            client.config_set("appendfsync", self.fsync)
            return int(client.get(WITNESS) or 0)

    def stop(self) -> None:
        """End it in peace."""
        self.resume()
        self._embedded.stop()

    def client(self) -> Redis:
        """A connection past every proxy, which tries nothing twice."""
        return Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=30)

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self, *, lost_seconds: float = 0.0) -> None:
        """kill -9, and start again.

        Args:
            lost_seconds: as if the machine had lost its power: the file ends where it did that long ago, at most.
        """
        self._signal(signal.SIGKILL)
        killed = self._history.now()
        self._embedded.stop()
        if lost_seconds:
            self._cut_file(killed - lost_seconds)
        survived = self.start()
        self._history.record(
            "redis_restarted",
            since=None if self.fsync == "always" else self._sent.get(survived, 0.0),
            until=killed,
            lost=max(0, self._acknowledged - survived),
            power=bool(lost_seconds),
        )

    async def flush(self) -> None:
        """FLUSHALL."""
        async with self.client() as client:
            await client.flushall()
        self._history.record("flushed")

    async def bear_witness(self) -> None:
        """Count in Redis, and watch the file grow; for ever."""
        number = 0
        watched = 0.0
        while True:
            try:
                async with self.client() as client:
                    while True:
                        number += 1
                        self._sent[number] = self._history.now()
                        await client.set(WITNESS, number)
                        self._acknowledged = number
                        self._sent.pop(number - 1_000, None)
                        if self._history.now() - watched > _SAMPLE_SECONDS:
                            watched = self._history.now()
                            if (file := self._file()) is not None:
                                self._sizes.append((watched, file, file.stat().st_size))
                        await asyncio.sleep(_WITNESS_SECONDS)
            except (RedisError, OSError):
                await asyncio.sleep(_WITNESS_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        if self._embedded.pid is not None:
            os.kill(self._embedded.pid, number)

    def _file(self) -> Path | None:
        """The file that grows: the newest piece since Redis 7, the only one before."""
        pieces = (self._embedded.folder / "appendonlydir").glob("*.incr.aof")
        return max(pieces, key=lambda path: int(path.name.split(".")[-3]), default=None)

    def _cut_file(self, moment: float) -> None:
        file = self._file()
        earlier = [size for at, path, size in self._sizes if at <= moment and path == file]
        if file is not None and earlier:
            # a Redis that starts cuts a torn end off, so the file may be shorter than it was
            os.truncate(file, min(earlier[-1], file.stat().st_size))
