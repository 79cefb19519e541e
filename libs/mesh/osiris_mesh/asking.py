"""One request, from asking it to the end of its answer."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel

from osiris_contracts import AnyReply, AudioClip, Chunk, ErrorReply, Priority, streams
from osiris_contracts.streams import DEFAULT_PRIORITY
from osiris_mesh import scripts, tracing
from osiris_mesh.delivery import REPLY_SECONDS
from osiris_mesh.envelope import wrap
from osiris_mesh.errors import Refused
from osiris_mesh.ids import new_id
from osiris_mesh.inbox import Inbox
from osiris_mesh.replies import Replies
from osiris_mesh.scripts import Output

if TYPE_CHECKING:
    from osiris_mesh.bus import Bus


class Asking:
    """Asks where its block begins; a block that ends before the answer does cancels the request.

    Args:
        timeout: seconds past which the mesh drops it.
        id: of the request; a new one by default.
        once: a request of the same `id` is made once within a day, whoever asks and however often: each gets every
            reply from the first. Nobody cancels it by going away.
    """

    def __init__(
        self,
        bus: "Bus",
        replies: Replies,
        stream: str,
        request: BaseModel,
        *,
        timeout: float,
        id: str | None = None,
        correlationid: str | None = None,
        priority: Priority = DEFAULT_PRIORITY,
        once: bool = False,
    ) -> None:
        self._bus = bus
        self._replies = replies
        self._stream = stream
        self._once = once
        self._timeout = timeout
        self._give_up = time.time() + timeout
        self._id = id or new_id()
        self._replyto = streams.answer(self._id) if once else replies.stream
        self._span = tracing.ask(stream, self._id)
        self._envelope = wrap(
            request,
            id=self._id,
            source=bus.source,
            correlationid=correlationid,
            traceparent=tracing.traceparent(self._span),
            replyto=self._replyto,
            deadline=int(self._give_up * 1000),
            priority=priority,
        )
        self._inbox: Inbox
        self._pieces = 0
        self._ended = False
        self._refusal: Refused | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there is more to take."""
        return not self._ended or self._refusal is not None

    async def __aenter__(self) -> Self:
        if self._once:
            self._inbox = await self._replies.follow(self._replyto)
        else:
            self._inbox = self._replies.expect(self._id)
        try:
            await self._ask()
        except BaseException as error:
            self._leave()
            tracing.answered(self._span, error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        tracing.answered(self._span, self._refusal)
        if not self._ended and not self._once:
            await self._bus.cancel(self._stream, self._id)

    async def take(self) -> list[AnyReply]:
        """The replies that came since, at least one. Each piece comes once, though a second worker may take over.

        Raises:
            Refused: the answer is an error, or none came in time (`deadline_exceeded`).
        """
        new: list[AnyReply] = []
        while not new:
            if self._refusal is not None:
                raise self._refusal
            new = self._new(await self._next())
        return new

    async def _ask(self) -> None:
        if not self._once:
            await self._bus.append(self._stream, self._envelope)
            return
        entry = Output(streams.lane(self._stream, self._envelope.priority), self._envelope.to_fields())
        arguments = [REPLY_SECONDS, *scripts.flatten([entry])]
        await scripts.run(self._bus.writer, scripts.ASK_ONCE, [self._replyto], arguments)

    def _leave(self) -> None:
        if self._once:
            self._replies.leave(self._replyto, self._inbox)
        else:
            self._replies.forget(self._id)

    async def _next(self) -> list[AnyReply]:
        try:
            return await self._inbox.take(self._give_up - time.time())
        except TimeoutError:
            raise Refused(
                "deadline_exceeded",
                f"expected an answer within {self._timeout:g} s, none came; try again or allow more time",
            ) from None

    def _new(self, replies: list[AnyReply]) -> list[AnyReply]:
        new: list[AnyReply] = []
        for reply in replies:
            if isinstance(reply, Chunk | AudioClip):
                if reply.index >= self._pieces:
                    self._pieces = reply.index + 1
                    new.append(reply)
                continue
            self._ended = True
            if isinstance(reply, ErrorReply):
                self._refusal = Refused.of(reply)  # raised once what came before it was taken
            else:
                new.append(reply)
            break
        return new
