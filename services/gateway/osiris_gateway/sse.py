"""Server-Sent Events (WHATWG HTML, section 9.2): `event` is the kind of reply, `data` the reply as JSON."""

from collections.abc import AsyncGenerator, AsyncIterator

from osiris_contracts import Chunk, ErrorReply, GenerateResult
from osiris_gateway.models import Batch
from osiris_gateway.resume import Progress
from osiris_mesh import Refused
from osiris_mesh.envelope import to_json

MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def events(first: Batch, rest: AsyncGenerator[Batch], progress: Progress) -> AsyncIterator[bytes]:
    """The replies that are new to the client as events; a refusal in the middle is the last one, `event: error`."""
    try:
        if told := _told(first, progress):
            yield told
        async for batch in rest:
            if told := _told(batch, progress):
                yield told
    except Refused as refusal:
        yield event(refusal.reply())
    finally:
        await rest.aclose()


def _told(batch: Batch, progress: Progress) -> bytes:
    """What came together goes out together."""
    return b"".join([event(reply, progress.event_id) for reply in batch if progress.take(0)])


def event(reply: Chunk | GenerateResult | ErrorReply, event_id: str = "") -> bytes:
    """One event; JSON holds no line breaks, so its data is one line."""
    place = f"id: {event_id}\n" if event_id else ""
    return f"{place}event: {reply.kind}\ndata: ".encode() + to_json(reply) + b"\n\n"
