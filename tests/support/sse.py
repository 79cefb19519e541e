"""Server-Sent Events as a client reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a comment has only its text, in `comment`."""

    kind: str = ""
    id: str = ""
    data: str = ""
    comment: str = ""

    @property
    def json(self) -> Any:
        """What it carries."""
        return json.loads(self.data)


class Events:
    """The events of one response."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def __aiter__(self) -> AsyncIterator[Event]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line:
                name, _, value = line.partition(":")
                fields[name or "comment"] = value.strip()
            else:
                known = {"kind": "event", "id": "id", "data": "data", "comment": "comment"}
                if "data" in fields or "comment" in fields:
                    yield Event(**{name: fields.get(field, "") for name, field in known.items()})
                fields = {}

    async def until(self, kind: str, count: int = 1, seconds: float = 20) -> list[Event]:
        """All events up to the `count`-th of `kind` ('comment' for one)."""
        found: list[Event] = []
        async with asyncio.timeout(seconds):
            async for event in self:
                found.append(event)
                count -= bool(event.comment) if kind == "comment" else event.kind == kind and not event.comment
                if not count:
                    return found
        raise AssertionError(f"the stream ended after {found}")


@asynccontextmanager
async def listening(http: httpx.AsyncClient, path: str, after: str = "", **headers: str) -> AsyncIterator[Events]:
    """The events of `path` behind `after`."""
    if after:
        headers["Last-Event-ID"] = after
    async with http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Events(response)
