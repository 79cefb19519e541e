"""What the kernel does at once instead of all the time."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError
from redis.exceptions import ConnectionError, TimeoutError

from osiris_contracts import streams
from osiris_dgm.owed import Owed
from osiris_dgm.settings import DgmSettings
from osiris_mesh import Bus, Misconfigured, logs
from osiris_versions import NoVersion

ONCE_SECONDS = 1800.0

Command = Callable[[DgmSettings], Coroutine[None, None, None]]


def run(command: Command) -> int:
    """Run one; returns its exit code, with one line about what went wrong."""
    try:
        asyncio.run(command(DgmSettings()))
    except (ConnectionError, TimeoutError) as error:
        return _say(f"expected Redis to answer, it did not: {error}", 1)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        return _say(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", 2)
    except (Misconfigured, NoVersion, ValueError) as error:
        return _say(str(error), 2)
    return 0


async def once(settings: DgmSettings) -> None:
    """One generation for the traces that wait; without any nothing is touched."""
    if not await _something_waits(settings):
        return
    from osiris_dgm.app import with_workshop

    logs.configure(settings.log_level, settings.log_format, "dgm")
    service, workshop = with_workshop(settings.model_copy(update={"traces_per_generation": 1}))

    async def end_when_done() -> None:
        await workshop.done.wait()
        service.stop()

    service.background(end_when_done)
    async with asyncio.timeout(ONCE_SECONDS):
        await service.serve()


async def tree(settings: DgmSettings) -> None:
    """Print the lineage."""
    from osiris_dgm.archive.archive import Archive
    from osiris_dgm.archive.tree import tree_lines

    for line in tree_lines(Archive(settings.archive).records()):
        print(line)  # noqa: T201


async def rollback(settings: DgmSettings) -> None:
    """Let the version before decide, and tell a desk that runs."""
    from osiris_dgm import building
    from osiris_dgm.archive.archive import Archive

    promoter = building.promoter(settings, Archive(settings.archive))
    promoter.undo(datetime.now(UTC))
    for change in promoter.state.untold:
        print(f"{change.version} decides: {change.reason}")  # noqa: T201
    async with Bus(settings.redis_url, "dgm") as bus:
        for change in promoter.state.untold:
            name = str(uuid5(NAMESPACE_URL, f"dgm:{change.model_dump_json()}"))
            await bus.publish(streams.POLICY_VERSIONS, change, id=name)
    promoter.told()


async def _something_waits(settings: DgmSettings) -> bool:
    if Owed(settings.kernel / "owed.json").count:
        return True
    from osiris_mesh import queues
    from osiris_mesh.connection import connect

    redis = connect(settings.redis_url)
    try:
        waiting = await queues.waiting(redis, [streams.POLICY_TRACES], "dgm")
        return waiting[streams.POLICY_TRACES].backlog > 0
    finally:
        await redis.aclose()


def _say(message: str, code: int) -> int:
    print(f"osiris_dgm: {message}", file=sys.stderr)  # noqa: T201
    return code
