"""Instructions to a running service: `control.<service>`, read by every instance of it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from osiris_contracts import Control, streams
from osiris_mesh import envelope
from osiris_mesh.connection import BLOCK_MS, Client
from osiris_mesh.errors import Refused, explain

Command = Callable[[], Awaitable[None]]

_REMEMBERED = 10_000
_LOOK_BACK_SECONDS = 600

_log = structlog.get_logger(__name__)


class Controls:
    """Obeys the control stream; knows which requests were cancelled before they came up, and stops running ones."""

    def __init__(self, redis: Client, service: str, instance: str) -> None:
        self._redis = redis
        self._instance = instance
        self._stream = streams.control(service)
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._running: dict[str, asyncio.Task[object]] = {}
        self._turn = asyncio.Lock()
        self._commands: set[asyncio.Task[None]] = set()

    @contextmanager
    def cancellable(self, request_id: str) -> Iterator[None]:
        """A block that a cancel command for `request_id` stops.

        Raises:
            Refused: `cancelled`, when the request was, before or within the block.
        """
        if request_id in self._cancelled:
            raise _cancelled(request_id)
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running[request_id] = task
        try:
            yield
        except asyncio.CancelledError:
            if request_id not in self._cancelled:
                raise
            task.uncancel()
            raise _cancelled(request_id) from None
        finally:
            self._running.pop(request_id, None)

    def cancel(self, request_id: str) -> None:
        """Stop `request_id` if it runs here, and refuse it should it still come up."""
        self._cancelled[request_id] = None
        while len(self._cancelled) > _REMEMBERED:
            self._cancelled.popitem(last=False)
        if task := self._running.get(request_id):
            task.cancel()

    async def obey(self, commands: Mapping[str, Command]) -> None:
        """Follow the control stream, for ever; cancels of the last ten minutes count, `commands` only from now.

        A command runs beside the next ones: a cancel must not wait for it.
        """
        started = f"{int(time.time() * 1000)}-0"
        last: str | bytes = f"{int((time.time() - _LOOK_BACK_SECONDS) * 1000)}-0"
        while True:
            try:
                found = await self._redis.xread({self._stream: last}, count=100, block=BLOCK_MS)
            except (RedisError, OSError) as error:
                _log.warning("control stream not readable, trying again", error=str(error))
                await asyncio.sleep(1.0)
                continue
            for _, entries in found or ():
                for entry_id, fields in entries:
                    last = entry_id
                    command = _read(fields)
                    if command is None or command.instance not in (None, self._instance):
                        continue
                    if command.command == "cancel" and command.request_id:
                        self.cancel(command.request_id)
                    elif entry_id.decode() >= started:
                        self._run(command, commands.get(command.command))

    def _run(self, command: Control, work: Command | None) -> None:
        if work is None:
            _log.warning("command refused, this service does not know it", command=command.command)
            return
        _log.info("told to " + command.command, reason=command.reason)
        task = asyncio.create_task(self._in_turn(command.command, work))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _in_turn(self, name: str, work: Command) -> None:
        async with self._turn:
            try:
                await work()
            except Exception:
                _log.exception("command failed", command=name)


def _cancelled(request_id: str) -> Refused:
    return Refused("cancelled", f"request {request_id} was cancelled by its sender")


def _read(fields: dict[bytes, bytes]) -> Control | None:
    try:
        return Control.model_validate_json(envelope.parse(fields).data)
    except (envelope.MalformedEnvelope, ValidationError) as error:
        _log.warning("control message refused", error=explain(error))
        return None
