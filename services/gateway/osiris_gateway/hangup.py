"""Work that ends when the client hangs up."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from litestar import Request

from osiris_mesh import Refused

Result = TypeVar("Result")

_AGAIN_SECONDS = 0.05


class HungUp(Exception):
    """The client is gone; nobody reads an answer."""


async def unless_hung_up(request: Request[Any, Any, Any], work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the client disconnects. The body must have been read before.

    Raises:
        HungUp: the client went first.
        Refused: the gateway stops, and the work took longer than it may then.
    """
    working = cast("asyncio.Task[Any]", asyncio.current_task())
    gone = asyncio.Event()
    watching = asyncio.create_task(_watch(request, working, gone))
    try:
        return await work
    except asyncio.CancelledError:
        if not gone.is_set():  # by the server, which would tell the client of an internal error
            raise Refused("cancelled", "expected an answer before the gateway stopped, none came; try again") from None
        while working.uncancel():
            pass
        raise HungUp from None
    finally:
        watching.cancel()


async def _watch(request: Request[Any, Any, Any], working: "asyncio.Task[Any]", gone: asyncio.Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()
    while True:  # one cancel is not enough, see `osiris_mesh.tasks.end`
        working.cancel()
        await asyncio.sleep(_AGAIN_SECONDS)
