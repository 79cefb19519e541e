"""Server-Sent Events (WHATWG HTML, section 9.2): `event` is the kind of reply, `data` the reply as JSON."""

from collections.abc import AsyncGenerator, AsyncIterator

from osiris_contracts import Chunk, ErrorReply, GenerateResult
from osiris_mesh import Refused

MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def events(first: Chunk | GenerateResult, rest: AsyncGenerator[Chunk | GenerateResult]) -> AsyncIterator[bytes]:
    """The replies as events; a refusal in the middle is the last one, `event: error`."""
    try:
        yield event(first)
        async for reply in rest:
            yield event(reply)
    except Refused as refusal:
        yield event(refusal.reply())
    finally:
        await rest.aclose()


def event(reply: Chunk | GenerateResult | ErrorReply) -> bytes:
    """One event; JSON holds no line breaks, so its data is one line."""
    return f"event: {reply.kind}\ndata: {reply.model_dump_json()}\n\n".encode()
