"""Ctrl-C, SIGTERM and a closed terminal ask for a clean stop; a second one for a stop at once."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class StopSignals:
    """What was asked so far."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def on_signal(self) -> None:
        """Take one signal."""
        (self.hurry if self.stop.is_set() else self.stop).set()

    async def until_stop(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work` until it is done or a stop is asked for, which cancels it; returns whether it was done."""
        from osiris_mesh.tasks import end  # the mesh takes half a second to import

        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self.stop.wait())
        await asyncio.wait([task, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if task.done():
            await task
            return True
        await end(task)
        return False


@contextmanager
def listening() -> Iterator[StopSignals]:
    """Turn the signals into events for as long as the block runs. Needs a running event loop in the main thread."""
    loop = asyncio.get_running_loop()
    signals = StopSignals()
    heard = [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    for number in heard:  # under nohup a closed terminal is to be ignored
        loop.add_signal_handler(number, signals.on_signal)
    try:
        yield signals
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
