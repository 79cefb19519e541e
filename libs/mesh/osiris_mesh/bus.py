"""The client's side of the mesh: publish, ask, wait for the answer, cancel."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import structlog
from pydantic import BaseModel

from osiris_contracts import AnyReply, Control, GenerateResult, Presence, streams
from osiris_mesh import queues, tracing
from osiris_mesh.asking import Asking
from osiris_mesh.connection import connect
from osiris_mesh.envelope import Envelope, wrap
from osiris_mesh.ids import instance_name, new_id
from osiris_mesh.presence import alive
from osiris_mesh.replies import Replies
from osiris_mesh.writer import Writer

_log = structlog.get_logger(__name__)


class Bus:
    """A connection to the mesh. Use it as an async context manager.

    Args:
        url: of Redis.
        source: who sends, for the entries' `source`.
        reply_stream: where answers come; a stream of this instance's own by default.
    """

    def __init__(self, url: str, source: str, reply_stream: str | None = None) -> None:
        self.source = source
        self.instance = instance_name(source)
        self.redis = connect(url)
        self.writer = Writer(self.redis)
        self._own_replies = reply_stream is None
        self._replies = Replies(self.redis, reply_stream or streams.replies(self.instance))

    async def __aenter__(self) -> Self:
        await self.redis.ping()
        self.writer.start()
        await self._replies.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._replies.stop()
        if self._own_replies:
            self.writer.put("DEL", self._replies.stream)
        await self.writer.stop()
        await self.redis.aclose()

    async def publish(self, stream: str, message: BaseModel, *, id: str | None = None, **attributes: Any) -> str:
        """Append `message` to `stream`; returns the entry id. `attributes` are those of the envelope."""
        return await self.append(stream, self._wrap(message, id or new_id(), **attributes))

    async def append(self, stream: str, envelope: Envelope) -> str:
        """Append an entry as it is, in the lane of its priority; returns its id."""
        fields = [part for pair in envelope.to_fields().items() for part in pair]
        lane = streams.lane(stream, envelope.priority)
        entry_id: bytes = await self.writer.call("XADD", lane, "*", *fields)
        return entry_id.decode()

    async def replies_to(
        self, stream: str, request: BaseModel, *, timeout: float, **options: Any
    ) -> AsyncGenerator[AnyReply]:
        """Ask, and yield every reply up to the last, one by one. Takes options and raises as `batches_to` does."""
        async with aclosing(self.batches_to(stream, request, timeout=timeout, **options)) as batches:
            async for batch in batches:
                for reply in batch:
                    yield reply

    async def batches_to(
        self, stream: str, request: BaseModel, *, timeout: float, **options: Any
    ) -> AsyncGenerator[list[AnyReply]]:
        """Ask, and yield the replies up to the last as they come, those that came together in one list.

        Closing the iterator early cancels the request. Takes the options of `Asking`.

        Raises:
            Refused: the answer is an error, or none came in time (`deadline_exceeded`).
        """
        async with Asking(self, self._replies, stream, request, timeout=timeout, **options) as asking:
            while asking.goes_on:
                yield await asking.take()

    async def was_asked(self, request_id: str) -> bool:
        """Whether somebody made the request with `once` within the last day."""
        return bool(await self.redis.exists(streams.answer(request_id)))

    async def ask(self, stream: str, request: BaseModel, *, timeout: float, **options: Any) -> GenerateResult:
        """Ask, and wait for the finished answer. Raises and takes options as `batches_to` does."""
        async with Asking(self, self._replies, stream, request, timeout=timeout, **options) as asking:
            while asking.goes_on:
                if isinstance(last := (await asking.take())[-1], GenerateResult):
                    return last
        raise AssertionError("a stream of replies ends with a result or raises")

    async def cancel(self, stream: str, request_id: str) -> None:
        """Tell whoever serves `stream` that nobody waits for `request_id` any more."""
        command = Control(command="cancel", request_id=request_id)
        self.writer.put(
            "XADD", streams.control(streams.served_by(stream)), "MAXLEN", "~", 10_000, "*", *_flat(self._wrap(command))
        )

    async def backlog(self, stream: str, group: str) -> int:
        """Entries of `stream` that `group` has not finished: not handed out yet, or pending."""
        return (await queues.waiting(self.redis, [stream], group))[stream].backlog

    async def instances(self, service: str) -> list[Presence]:
        """The living instances of `service`."""
        return await alive(self.redis, service)

    def _wrap(self, message: BaseModel, id: str | None = None, **attributes: Any) -> Envelope:
        attributes.setdefault("traceparent", tracing.traceparent())
        return wrap(message, id=id or new_id(), source=self.source, **attributes)


def _flat(envelope: Envelope) -> list[str | bytes]:
    return [part for pair in envelope.to_fields().items() for part in pair]
