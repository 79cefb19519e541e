"""The night at its hour: a process of its own beside the desk, started again when it dies, never in a service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta

from osiris_cli.errors import CliError
from osiris_cli.settings import CliSettings
from osiris_cli.supervisor import READY_POLL_SECONDS, Service, State, Supervisor
from osiris_mesh.tasks import end

NAME = "night"
ATTEMPTS = 3
"""Of one night; it goes on where it was killed."""

Supervise = Callable[[Sequence[Service]], Supervisor]


def hour(text: str) -> time:
    """The time of day in `text`.

    Raises:
        CliError: it is none.
    """
    try:
        return datetime.strptime(text, "%H:%M").time()
    except ValueError as error:
        raise CliError(f"expected a time of day such as 02:00, was {text!r}") from error


def seconds_until(at: time, now: datetime) -> float:
    """From `now` to the next `at` by the clock of the machine, seconds."""
    due = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if due <= now:
        due = (due + timedelta(days=1)).replace(hour=at.hour, minute=at.minute)
    return (due - now).total_seconds()


def service(settings: CliSettings, env: dict[str, str]) -> Service:
    """The process of one night.

    Raises:
        CliError: its environment is not installed.
    """
    python = settings.night_python
    if not python.exists():
        raise CliError(
            f"expected the night's environment at {python}, it is not there; run make .venv-night/.installed, "
            "or name another with OSIRIS_NIGHT_PYTHON"
        )
    return Service(NAME, (str(python), "-m", "osiris_trainer", "--once"), env, restart="on-failure")


@asynccontextmanager
async def every_night(
    at: time, night: Service, supervise: Supervise, now: Callable[[], datetime] = lambda: datetime.now().astimezone()
) -> AsyncIterator[None]:
    """For the length of the block, run `night` whenever it is `at`; at the end a running one is asked to stop."""
    task = asyncio.create_task(_keep(at, night, supervise, now), name="nightly")
    try:
        yield
    finally:
        await end(task)


async def _keep(at: time, night: Service, supervise: Supervise, now: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(seconds_until(at, now()))
        async with supervise([night]) as supervisor:
            while (status := supervisor.statuses[night.name]).state is not State.COMPLETED:
                if status.failures >= ATTEMPTS:
                    break
                await asyncio.sleep(READY_POLL_SECONDS)
