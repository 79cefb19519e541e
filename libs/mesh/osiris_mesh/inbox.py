"""Where the replies to one request wait for whoever asked."""

import asyncio

from osiris_contracts import AnyReply


class Inbox:
    """Holds replies until they are taken, all that are there at once. One taker."""

    def __init__(self) -> None:
        self._replies: list[AnyReply] = []
        self._came: asyncio.Future[None] | None = None

    def put(self, reply: AnyReply) -> None:
        """Add a reply."""
        self._replies.append(reply)
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    async def take(self, seconds: float) -> list[AnyReply]:
        """What is there, in order, at least one.

        Raises:
            TimeoutError: none came within `seconds`.
        """
        if not self._replies:
            self._came = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(max(seconds, 0)):
                await self._came
        taken, self._replies = self._replies, []
        return taken
