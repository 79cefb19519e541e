"""`osiris control`: tell a running service to drain, resume or restart."""

from typing import Annotated, Literal

import typer

from osiris_cli.commands.options import HomeOption

EXAMPLE = "Example: osiris control hermes restart   After the watchdog gave up: osiris control watchdog resume"


def control(
    service: Annotated[str, typer.Argument(help="Which service, as `osiris up` names it.", show_default=False)],
    command: Annotated[Literal["drain", "resume", "restart"], typer.Argument(help="What to do.", show_default=False)],
    instance: Annotated[str | None, typer.Option(help="One instance; else all of the service.")] = None,
    reason: Annotated[str, typer.Option(help="For its log.")] = "",
    home: HomeOption = None,
) -> None:
    """Tell a service what to do.

    drain: take no new work. resume: take it again; to the watchdog: restart again what it had given up on. restart:
    finish what runs, hand the rest back, end, and be started anew.
    """
    import asyncio

    from osiris_cli import run_file, settings
    from osiris_cli.errors import CliError
    from osiris_contracts import Control, streams
    from osiris_mesh import Bus

    url = run_file.redis_url(settings.load(home=home))
    message = Control(command=command, instance=instance, reason=reason)

    async def tell() -> None:
        async with Bus(url, "cli") as bus:
            found = [each.instance for each in await bus.instances(service)]
            if not found or instance not in (None, *found):
                raise CliError(f"expected a living {instance or service}, found {', '.join(found) or 'none'}", 1)
            await bus.publish(streams.control(service), message)

    asyncio.run(tell())
    typer.echo(f"told {instance or service} to {command}")
