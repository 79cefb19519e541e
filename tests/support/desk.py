"""Real services on a real Redis, for tests that need a whole desk."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.support.processes import Process


@asynccontextmanager
async def services(
    redis_url: str, home: Path, models: Path, *names: str, **environment: str
) -> AsyncIterator[dict[str, Process]]:
    """The named services, ready, for the length of the block."""
    async with AsyncExitStack() as stack:
        running = {
            name: stack.enter_context(Process(name, redis_url, home, OSIRIS_MODELS=str(models), **environment))
            for name in names
        }
        for process in running.values():
            await process.ready()
        yield running
