"""Strictly ordered work: one instance at a time; its state, its outputs and its position are saved as one.

A crash between two commits loses nothing and doubles nothing: the next holder reads on from the last commit.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from pydantic import BaseModel
from redis.exceptions import RedisError

from osiris_contracts import streams
from osiris_mesh import scripts, tracing
from osiris_mesh.bus import Bus
from osiris_mesh.connection import BLOCK_MS, ensure_group
from osiris_mesh.deadletter import letter
from osiris_mesh.envelope import wrap
from osiris_mesh.errors import LeaseLost
from osiris_mesh.scripts import Output
from osiris_mesh.tasks import end

Entry = tuple[str, dict[bytes, bytes]]

_log = structlog.get_logger(__name__)


class Sequencer:
    """Reads streams in order under a lease.

    Its position in a stream is the last-delivered id of its consumer group, so lag and trimming see it.

    Args:
        name: of the group, the lease and the saved state.
        lease_seconds: silence after which another instance may take over.
    """

    def __init__(self, bus: Bus, name: str, stream_names: Sequence[str], lease_seconds: float) -> None:
        self._bus = bus
        self._name = name
        self._streams = tuple(stream_names)
        self._lease_ms = int(lease_seconds * 1000)
        self._lease_key = f"lease:{name}"
        self._state_key = f"state:{name}"
        self._commits_key = f"commits:{name}"
        self._commits = 0
        self._read_to: dict[str, str] = {}
        self._lost = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bytes | None]:
        """Wait for the lease, and hold it for the block; yields the state of the last commit (None: there is none)."""
        redis = self._bus.redis
        waiting = False
        while not await redis.set(self._lease_key, self._bus.instance, nx=True, px=self._lease_ms):
            if not waiting:
                waiting = True
                holder = (await redis.get(self._lease_key) or b"").decode()
                _log.warning("waiting for another instance to let go", lease=self._name, holder=holder)
            await asyncio.sleep(self._lease_ms / 4000)
        renewal = asyncio.create_task(self._keep_lease())
        try:
            for stream in self._streams:
                await ensure_group(redis, stream, self._name)
                groups = {info["name"]: info for info in await redis.xinfo_groups(stream)}
                self._read_to[stream] = groups[self._name.encode()]["last-delivered-id"].decode()
            state, commits = await redis.mget(self._state_key, self._commits_key)
            self._commits = int(commits or 0)
            yield state
        finally:
            await end(renewal)
            if not self._lost:
                await scripts.run(self._bus.writer, scripts.RELEASE, [self._lease_key], [self._bus.instance])

    async def read(self, stream: str, *, count: int, block_ms: int | None = BLOCK_MS) -> list[Entry]:
        """The next entries of `stream`, at most `count`; waits up to `block_ms` (None: not at all).

        Raises:
            LeaseLost: another instance took over, or Redis was flushed.
        """
        if self._lost:
            raise self._lease_lost()
        found = await self._bus.redis.xread({stream: self._read_to[stream]}, count=count, block=block_ms)
        entries = [(entry_id.decode(), fields) for entry_id, fields in found[0][1]] if found else []
        if entries:
            self._read_to[stream] = entries[-1][0]
        return entries

    async def commit(self, state: bytes, positions: dict[str, str], outputs: Sequence[Output] = ()) -> None:
        """Save state, positions (stream → last entry that is finished) and outputs, or nothing of it.

        Raises:
            LeaseLost: another instance took over, or Redis was flushed, or came back without the commit before.
        """
        arguments: list[object] = [len(positions)]
        for stream, entry_id in positions.items():
            arguments += [stream, self._name, entry_id]
        arguments += scripts.flatten(list(outputs))
        await self._run(scripts.COMMIT, [], state, arguments)

    def output(
        self,
        stream: str,
        message: BaseModel,
        *,
        id: str,
        correlationid: str | None = None,
        traceparent: str | None = None,
    ) -> Output:
        """`message` as an output for `commit`, part of the current trace, or of that of `traceparent`."""
        envelope = wrap(
            message,
            id=id,
            source=self._name,
            correlationid=correlationid,
            traceparent=traceparent or tracing.traceparent(),
        )
        return Output(stream, envelope.to_fields())

    def dead_letter(self, stream: str, entry: Entry, reason: str) -> Output:
        """An entry of `stream` that cannot be used, as an output for `commit`."""
        entry_id, fields = entry
        put_aside = letter(fields, entry_id=entry_id, group=self._name, reason=reason, deliveries=1)
        return Output(streams.dead(stream), put_aside)

    async def _run(self, script: str, keys: list[str], state: bytes, arguments: list[object]) -> None:
        """Run a script as the next commit.

        Args:
            script: begins with `scripts.NEXT_COMMIT`.
            keys: besides those of NEXT_COMMIT.
            arguments: besides those of NEXT_COMMIT.

        Raises:
            LeaseLost: it did nothing.
        """
        number = self._commits + 1
        all_keys = [self._lease_key, self._state_key, self._commits_key, *keys]
        if await scripts.run(self._bus.writer, script, all_keys, [self._bus.instance, number, state, *arguments]) == 0:
            self._lost = True
            raise self._lease_lost()
        self._commits = number

    def _lease_lost(self) -> LeaseLost:
        return LeaseLost(f"the lease of {self._name} went to another instance, or Redis lost the last commit")

    async def _keep_lease(self) -> None:
        while not self._lost:
            await asyncio.sleep(self._lease_ms / 3000)
            try:
                arguments = [self._bus.instance, self._lease_ms]
                if await scripts.run(self._bus.writer, scripts.RENEW, [self._lease_key], arguments) == 0:
                    self._lost = True
            except (RedisError, OSError) as error:
                _log.warning("lease not renewed", lease=self._name, error=str(error))
