"""Work that ends when the client hangs up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import Request

from osiris_mesh import Refused
from osiris_mesh.tasks import end

Result = TypeVar("Result")


class HungUp(Exception):
    """The client is gone; nobody reads an answer."""


async def unless_hung_up(request: Request[Any, Any, Any], work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client disconnects. The body must have been read before.

    Raises:
        HungUp: the client went first.
        Refused: the gateway stops, and the work took longer than it may then.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HungUp
    except asyncio.CancelledError:  # by the server, which would tell the client of an internal error
        raise Refused("cancelled", "expected an answer before the gateway stopped, none came; try again") from None
    finally:
        await end(working, gone)


async def _disconnected(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
