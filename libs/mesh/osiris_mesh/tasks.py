"""Ending tasks."""

import asyncio
from typing import Any

_AGAIN_SECONDS = 0.05


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel `tasks` and wait until they are over; what they raise is dropped.

    One cancel is not enough: `asyncio.wait_for` of Python 3.11 (github.com/python/cpython/issues/81839), with which
    redis-py sends, swallows one that comes in the moment it is done.
    """
    left = {task for task in tasks if task is not None}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain
