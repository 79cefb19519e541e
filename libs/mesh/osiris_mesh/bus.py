"""The client's side of the mesh: publish, ask, wait for the answer, cancel."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import structlog
from pydantic import BaseModel

from osiris_contracts import (
    AnyReply,
    AudioClip,
    Chunk,
    Control,
    ErrorReply,
    GenerateResult,
    Presence,
    Priority,
    streams,
)
from osiris_contracts.streams import DEFAULT_PRIORITY
from osiris_mesh import queues, scripts
from osiris_mesh.connection import connect
from osiris_mesh.delivery import REPLY_SECONDS
from osiris_mesh.envelope import Envelope, wrap
from osiris_mesh.errors import Refused
from osiris_mesh.ids import instance_name, new_id
from osiris_mesh.inbox import Inbox
from osiris_mesh.presence import alive
from osiris_mesh.replies import Replies
from osiris_mesh.scripts import Output
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
        self,
        stream: str,
        request: BaseModel,
        *,
        timeout: float,
        id: str | None = None,
        correlationid: str | None = None,
        priority: Priority = DEFAULT_PRIORITY,
        once: bool = False,
    ) -> AsyncGenerator[list[AnyReply]]:
        """Ask, and yield the replies up to the last as they come, those that came together in one list.

        Each piece comes once, though a second worker may have taken over. Closing the iterator early cancels the
        request. Past `timeout` seconds the mesh drops it.

        Args:
            once: a request of the same `id` is made once within a day, whoever asks and however often: each gets every
                reply from the first. Nobody cancels it by going away.

        Raises:
            Refused: the answer is an error, or none came in time (`deadline_exceeded`).
        """
        request_id = id or new_id()
        deadline = time.time() + timeout
        replyto = streams.answer(request_id) if once else self._replies.stream
        envelope = self._wrap(
            request,
            request_id,
            correlationid=correlationid,
            replyto=replyto,
            deadline=int(deadline * 1000),
            priority=priority,
        )
        finished = False
        pieces = 0
        async with self._replies.on(replyto) if once else self._replies.of(request_id) as inbox:
            await (self._append_once(stream, envelope) if once else self.append(stream, envelope))
            try:
                while not finished:
                    batch: list[AnyReply] = []
                    refusal: Refused | None = None
                    for reply in await _take(inbox, deadline - time.time(), timeout):
                        if isinstance(reply, Chunk | AudioClip):
                            if reply.index < pieces:
                                continue
                            pieces = reply.index + 1
                            batch.append(reply)
                            continue
                        finished = True
                        if isinstance(reply, ErrorReply):
                            refusal = Refused.of(reply)
                        else:
                            batch.append(reply)
                        break
                    if batch:
                        yield batch
                    if refusal is not None:
                        raise refusal
            finally:
                if not finished and not once:
                    await self.cancel(stream, request_id)

    async def was_asked(self, request_id: str) -> bool:
        """Whether somebody made the request with `once` within the last day."""
        return bool(await self.redis.exists(streams.answer(request_id)))

    async def _append_once(self, stream: str, envelope: Envelope) -> None:
        entry = Output(streams.lane(stream, envelope.priority), envelope.to_fields())
        arguments = [REPLY_SECONDS, *scripts.flatten([entry])]
        await scripts.run(self.writer, scripts.ASK_ONCE, [str(envelope.replyto)], arguments)

    async def ask(self, stream: str, request: BaseModel, *, timeout: float, **options: Any) -> GenerateResult:
        """Ask, and wait for the finished answer. Raises and takes options as `replies_to` does."""
        async with aclosing(self.batches_to(stream, request, timeout=timeout, **options)) as batches:
            async for batch in batches:
                if isinstance(batch[-1], GenerateResult):
                    return batch[-1]
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
        return wrap(message, id=id or new_id(), source=self.source, **attributes)


def _flat(envelope: Envelope) -> list[str | bytes]:
    return [part for pair in envelope.to_fields().items() for part in pair]


async def _take(inbox: Inbox, left: float, timeout: float) -> list[AnyReply]:
    try:
        return await inbox.take(left)
    except TimeoutError:
        raise Refused(
            "deadline_exceeded", f"expected an answer within {timeout:g} s, none came; try again or allow more time"
        ) from None
