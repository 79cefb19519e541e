"""One delivery of one entry: what a handler knows of it, and how it is settled."""

from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from osiris_mesh import scripts, tracing
from osiris_mesh.envelope import Envelope, now, to_json, wrap
from osiris_mesh.errors import Refused
from osiris_mesh.ids import new_id
from osiris_mesh.scripts import Finished, Output
from osiris_mesh.writer import Writer

REPLY_SECONDS = 86_400
"""A reply stream that nobody writes to any more vanishes after a day."""

LONGEST_ANSWER = 32_768
"""Bytes; a longer answer (4,096 tokens are 18 kB, but log-probabilities are long) is not kept to be repeated."""

_CHANGING = frozenset({"data", "id", "time"})
"""What differs between the pieces of one answer."""


@dataclass(slots=True)
class Delivery:
    """An entry in the hands of a handler.

    Attributes:
        stream, group, entry_id: where it lies.
        envelope: its attributes.
        deliveries: how often it was handed out, this time included.
        source: the service that handles it.
        effect_seconds: how long its message id is remembered.
        answers_kept: how many answers of the group are kept to be repeated, the newest.
    """

    stream: str
    group: str
    entry_id: str
    envelope: Envelope
    deliveries: int
    source: str
    writer: Writer
    effect_seconds: int
    answers_kept: int
    _outputs: list[Output] = field(default_factory=list)
    _same: dict[str, list[str | bytes]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The message id; the entry's own where the sender gave none."""
        return self.envelope.id or self.entry_id

    @property
    def correlation_id(self) -> str:
        """The run the message belongs to."""
        return self.envelope.correlationid or self.id

    @property
    def effect_key(self) -> str:
        """Where it is remembered that this message has had its effect; '' where the entry id alone tells."""
        return f"effect:{self.group}:{self.envelope.id}" if self.envelope.id else ""

    @property
    def answers_key(self) -> str:
        """The stream of the answers that the group has given last."""
        return f"effect-answers:{self.group}"

    def send(self, reply: BaseModel) -> None:
        """Send a piece of the answer now; nothing happens when nobody waits for one."""
        if self.envelope.replyto:
            name = type(reply).__name__
            if name not in self._same:  # of every token: put together once
                fields = self._wrap(reply).to_fields()
                self._same[name] = [each for key in fields.keys() - _CHANGING for each in (key, fields[key])]
            changing = ("data", to_json(reply), "id", new_id(), "time", now())
            self.writer.put("XADD", self.envelope.replyto, "*", *changing, *self._same[name])

    def emit(self, stream: str, message: BaseModel, id: str | None = None) -> None:
        """Publish `message` together with the acknowledgement: both happen, or neither."""
        self._outputs.append(Output(stream, self._wrap(message, id).to_fields()))

    async def finish(self, reply: BaseModel | None) -> Finished:
        """Acknowledge, publish what was emitted and answer, in one step, unless somebody did so before."""
        outputs = [*self._outputs, *self.replies(reply)]
        answer = to_json(reply) if reply is not None else b""
        keys = [self.stream, self.effect_key, self.answers_key]
        kept = self.answers_kept if len(answer) <= LONGEST_ANSWER else 0
        arguments = [self.group, self.entry_id, self.effect_seconds, kept, answer, *scripts.flatten(outputs)]
        return Finished(await scripts.run(self.writer, scripts.FINISH, keys, arguments))

    async def earlier_effect(self) -> bytes | None:
        """Where the answer to this message id is kept (b'' where there was none), or None when the id is new."""
        if not self.effect_key:
            return None
        kept: bytes | None = await self.writer.call("GET", self.effect_key)
        return kept

    async def move(self, lane: str) -> None:
        """Put the message into another lane of its stream, in one step; it stays the same message."""
        same = replace(self.envelope, id=self.id)
        outputs = [Output(lane, same.to_fields())]
        await scripts.acknowledge(self.writer, self.stream, self.group, self.entry_id, outputs)

    async def repeat(self, kept: bytes) -> None:
        """Acknowledge a message that had its effect before, and give its sender the same answer again.

        When the answer is kept no longer, the sender is told so: the work is not done twice.

        Args:
            kept: what `earlier_effect` said.
        """
        outputs = await self._again(kept, self.envelope.replyto) if kept and self.envelope.replyto else []
        await scripts.acknowledge(self.writer, self.stream, self.group, self.entry_id, outputs)

    def replies(self, reply: BaseModel | None) -> list[Output]:
        """`reply` as an output to whoever waits for it; empty when nobody does."""
        if reply is None or not self.envelope.replyto:
            return []
        return [Output(self.envelope.replyto, self._wrap(reply).to_fields(), REPLY_SECONDS)]

    async def _again(self, kept: bytes, replyto: str) -> list[Output]:
        entries = None
        if kept != scripts.NOT_KEPT:
            entries = await self.writer.call("XRANGE", self.answers_key, kept, kept)
        if not entries:
            reason = f"message {self.id} was answered before, and its answer is kept no longer; ask with a new id"
            return self.replies(Refused("invalid_request", reason).reply())
        envelope = Envelope(
            data=entries[0][1][1],  # the value of its one field
            id=new_id(),
            source=self.source,
            correlationid=self.correlation_id,
            causationid=self.id,
        )
        return [Output(replyto, envelope.to_fields(), REPLY_SECONDS)]

    def _wrap(self, message: BaseModel, id: str | None = None) -> Envelope:
        return wrap(
            message,
            id=id or new_id(),
            source=self.source,
            correlationid=self.correlation_id,
            causationid=self.id,
            traceparent=tracing.traceparent() or self.envelope.traceparent,
        )
