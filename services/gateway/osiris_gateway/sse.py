"""Server-Sent Events (WHATWG HTML, section 9.2): `event` is the kind of reply, `data` the reply as JSON."""

from collections.abc import AsyncGenerator, AsyncIterator

from osiris_contracts import Chunk, ErrorReply, GenerateResult
from osiris_gateway.resume import Progress
from osiris_mesh import Refused

MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def events(
    first: Chunk | GenerateResult, rest: AsyncGenerator[Chunk | GenerateResult], progress: Progress
) -> AsyncIterator[bytes]:
    """The replies that are new to the client as events; a refusal in the middle is the last one, `event: error`."""
    try:
        if progress.take(0):
            yield event(first, progress.event_id)
        async for reply in rest:
            if progress.take(0):
                yield event(reply, progress.event_id)
    except Refused as refusal:
        yield event(refusal.reply())
    finally:
        await rest.aclose()


def event(reply: Chunk | GenerateResult | ErrorReply, event_id: str = "") -> bytes:
    """One event; JSON holds no line breaks, so its data is one line."""
    place = f"id: {event_id}\n" if event_id else ""
    return f"{place}event: {reply.kind}\ndata: {reply.model_dump_json()}\n\n".encode()
