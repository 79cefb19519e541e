"""A small hermes inside the test, and what it answers."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.processes import until

from osiris_contracts import GenerateRequest, GenerateResult, Usage, streams
from osiris_mesh import Delivery, MeshSettings, Service

STREAM = streams.HERMES_REQUESTS
LEASE = 0.6

Handler = Callable[[GenerateRequest, Delivery], Any]


def answer(text: str) -> GenerateResult:
    """A finished answer."""
    return GenerateResult(
        model_id="hermes",
        model_version="test",
        text=text,
        finish_reason="stop",
        usage=Usage(prompt_tokens=0, completion_tokens=0),
    )


@asynccontextmanager
async def serving(url: str, handler: Handler, *, workers: int = 4, **settings: Any) -> AsyncIterator[Service]:
    """A service that handles STREAM with `handler`."""
    defaults = {"redis_url": url, "lease_seconds": LEASE, "max_deliveries": 3, "drain_seconds": 1}
    service = Service("hermes", MeshSettings(**(defaults | settings)))
    service.consume(STREAM, GenerateRequest, workers=workers)(handler)
    async with service.running(probes=True):
        yield service


async def echo(request: GenerateRequest, delivery: Delivery) -> GenerateResult:
    """Answers in capitals."""
    return answer(request.prompt.upper())


async def replies(redis: Any, stream: str, count: int) -> list[dict[str, Any]]:
    """The first `count` replies on `stream`."""

    async def there() -> Any:
        return await redis.xlen(stream) >= count

    await until(there, what=f"{count} replies on {stream}")
    return [json.loads(fields[b"data"]) for _, fields in await redis.xrange(stream)]
