"""Ending tasks."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

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


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns or raises. Ends it as `end` does, where `asyncio.timeout` would cancel it but once.

    Raises:
        TimeoutError: it took longer than `seconds`.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError(f"no answer within {seconds:g} s")
        return task.result()
    finally:
        await end(task)
