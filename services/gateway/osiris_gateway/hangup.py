"""Work that ends when the client hangs up."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from litestar import Request

from osiris_mesh import Refused

Result = TypeVar("Result")

_FIRST_LOOK_SECONDS = 0.1
"""Most answers come sooner and need nobody to watch; a client that went meanwhile is found gone then."""

_AGAIN_SECONDS = 0.05


class HungUp(Exception):
    """The client is gone; nobody reads an answer."""


async def unless_hung_up(request: Request[Any, Any, Any], work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the client disconnects. The body must have been read before.

    Raises:
        HungUp: the client went first.
        Refused: the gateway stops, and the work took longer than it may then.
    """
    watch = _Watch(request, cast("asyncio.Task[Any]", asyncio.current_task()))
    try:
        return await work
    except asyncio.CancelledError:
        if not watch.saw_it_go:  # by the server, which would tell the client of an internal error
            raise Refused("cancelled", "expected an answer before the gateway stopped, none came; try again") from None
        while watch.working.uncancel():
            pass
        raise HungUp from None
    finally:
        watch.end()


class _Watch:
    """Cancels `working` once the client is gone."""

    def __init__(self, request: Request[Any, Any, Any], working: "asyncio.Task[Any]") -> None:
        self._request = request
        self.working = working
        self.saw_it_go = False
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_FIRST_LOOK_SECONDS, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.saw_it_go = True
        while True:  # one cancel is not enough, see `osiris_mesh.tasks.end`
            self.working.cancel()
            await asyncio.sleep(_AGAIN_SECONDS)
