"""Work that is published piece by piece: each piece once, in order, though its worker may die between two of them."""

from typing import Any

from pydantic import BaseModel

from osiris_mesh import scripts, tracing
from osiris_mesh.delivery import REPLY_SECONDS, Delivery
from osiris_mesh.envelope import Fields, wrap
from osiris_mesh.scripts import Output

_PUBLISH = (
    scripts.WRITE_OUTPUTS
    + """
-- KEYS: how far it is. ARGV: number of this piece, seconds to remember it, note, channel ('' for none), what is said
-- on it, outputs.
if tonumber(redis.call('HGET', KEYS[1], 'published') or 0) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'published', ARGV[1] + 1, 'note', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[2])
write(6)
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
"""
)
"""Publish a piece (1) unless it is not the next one (0)."""


class Pieces:
    """The pieces of one delivery, counted in Redis: whoever gets it next goes on where the last one ended."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._key = f"pieces:{delivery.group}:{delivery.id}"

    async def progress(self) -> tuple[int, bytes]:
        """How many were published, and the note that went with the last; b'' where there is none."""
        published, note = await self._delivery.writer.call("HMGET", self._key, "published", "note")
        return int(published or 0), note or b""

    async def publish(
        self,
        index: int,
        stream: str,
        message: BaseModel,
        *,
        reply: bool,
        note: str = "",
        channel: str = "",
        said: str = "",
    ) -> bool:
        """Publish the piece of this index on `stream`, and keep a note for whoever may have to go on after it.

        Args:
            reply: send it to the asker too.
            channel: a pub/sub channel on which `said` is said as well; '' for none.

        Returns:
            False, and nothing happened, when the piece was published before.
        """
        fields = self._fields(message, index)
        outputs = [Output(stream, fields)]
        if reply and self._delivery.envelope.replyto:
            outputs.append(Output(self._delivery.envelope.replyto, fields, REPLY_SECONDS))
        arguments: list[Any] = [index, self._delivery.effect_seconds, note, channel, said, *scripts.flatten(outputs)]
        return await scripts.run(self._delivery.writer, _PUBLISH, [self._key], arguments) == 1

    def _fields(self, message: BaseModel, index: int) -> Fields:
        return wrap(
            message,
            id=f"{self._delivery.id}:{index}",
            source=self._delivery.source,
            correlationid=self._delivery.correlation_id,
            causationid=self._delivery.id,
            traceparent=tracing.traceparent() or self._delivery.envelope.traceparent,
        ).to_fields()
