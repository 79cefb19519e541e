"""A stop that is asked for comes, whatever the work makes of it."""

import asyncio
import os
import signal

from osiris_cli import stop_signals


async def test_work_that_swallows_a_cancel_ends_all_the_same() -> None:
    swallowed = 0

    async def like_redis_py() -> None:  # asyncio.wait_for of Python 3.11 loses a cancel that comes as it is done
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    with stop_signals.listening() as signals:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        assert not await asyncio.wait_for(signals.until_stop(like_redis_py()), 5)
    assert swallowed == 2


async def test_work_that_is_done_is_not_stopped() -> None:
    with stop_signals.listening() as signals:
        assert await signals.until_stop(asyncio.sleep(0))
