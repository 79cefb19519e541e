"""`osiris up`: run the desk until Ctrl-C."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from osiris_cli.commands.options import HomeOption

if TYPE_CHECKING:
    from datetime import time as time_of_day

    from rich.console import Console
    from rich.table import Table

    from osiris_cli.desk import Desk
    from osiris_cli.settings import CliSettings
    from osiris_cli.supervisor import Status

EXAMPLE = "Example: osiris up --home desk-a --port 8001"

_REFRESH_SECONDS = 0.25


def up(
    home: HomeOption = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the gateway. [default: OSIRIS_GATEWAY_PORT, else 8000]", show_default=False),
    ] = None,
    nightly: Annotated[
        str | None,
        typer.Option(
            metavar="HH:MM",
            help="Learn from corrections every night at this time, in a process of its own. [default: never]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the desk: Redis, the models, the gateway, the orchestrator and the market, until Ctrl-C."""
    import asyncio

    from osiris_cli import console, models, settings

    desk_settings = settings.load(home=home, gateway_port=port)
    out = console.standard()
    at = None
    if nightly is not None:
        from osiris_cli.nightly import hour, service

        at = hour(nightly)
        service(desk_settings, {})  # not only at two in the night
    models.prepare(desk_settings.models_folder, out.print)
    asyncio.run(_run(desk_settings, out, at))


async def _run(desk_settings: "CliSettings", out: "Console", nightly_at: "time_of_day | None") -> None:
    import asyncio
    from contextlib import AsyncExitStack, suppress

    from rich.live import Live

    from osiris_cli import desk, stop_signals

    with stop_signals.listening() as signals:
        async with (
            desk.running(
                desk_settings,
                extra={"OSIRIS_SIM_LOOP": str(desk_settings.sim_loop)},
                hurry=signals.hurry,
                on_change=None if out.is_terminal else lambda status: out.print(_told(status)),
            ) as running,
            AsyncExitStack() as stack,
        ):
            out.print(f"desk in {desk_settings.home}, logs in {desk_settings.logs}; Ctrl-C ends it", soft_wrap=True)
            out.print(f"the desk's page: {running.gateway_url}/", soft_wrap=True)
            if nightly_at is not None:
                await stack.enter_async_context(desk.nights(desk_settings, running, nightly_at))
                out.print(f"every night at {nightly_at:%H:%M}, log in {desk_settings.logs}", soft_wrap=True)
            if not out.is_terminal:
                out.print(f"gateway {running.gateway_url}", soft_wrap=True)
                await signals.stop.wait()
            else:
                with Live(_table(running), console=out, auto_refresh=False) as live:
                    while not signals.stop.is_set():
                        with suppress(TimeoutError):
                            await asyncio.wait_for(signals.stop.wait(), _REFRESH_SECONDS)
                        live.update(_table(running), refresh=True)
            out.print("stopping; once more to stop at once")


def _told(status: "Status") -> str:
    """One change of one process, for a log."""
    pid = f" pid {status.pid}" if status.pid else ""
    ended = f" after exit code {status.exit_code}" if status.state == "restarting" else ""
    return f"{time.strftime('%H:%M:%S', time.localtime(status.since))} {status.name} {status.state}{pid}{ended}"


def _table(running: "Desk") -> "Table":
    """Every process and what it does."""
    from rich.table import Table
    from rich.text import Text

    from osiris_cli import moments
    from osiris_cli.network import without_password

    styles = {"ready": "green", "starting": "yellow", "restarting": "red", "completed": "dim", "stopped": "dim"}
    urls = {"gateway": running.gateway_url, "redis": without_password(running.redis_url)}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("service", "state", "for", "restarts", "pid", "url"):
        table.add_column(column)
    for status in running.statuses:
        table.add_row(
            status.name,
            Text(status.state, styles[status.state]),
            moments.length(time.time() - status.since),
            str(status.restarts or ""),
            str(status.pid or ""),
            urls.get(status.name, ""),
        )
    return table
