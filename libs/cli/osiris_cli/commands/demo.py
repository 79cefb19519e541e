"""`osiris demo`: a few proposals on bundled bars, as they happen."""

from pathlib import Path
from typing import Annotated

import typer

from osiris_cli.commands.options import HomeOption
from osiris_cli.errors import CliError

EXAMPLE = "Example: osiris demo --proposals 5 --speed 20x"


def demo(
    *,
    proposals: Annotated[int, typer.Option("--proposals", min=1, help="End after this many.")] = 3,
    speed: Annotated[str | None, typer.Option(help="How fast the bars come: Nx or max.", show_default="10x")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Bars to replay; else those that are bundled.", show_default=False)
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="What the bars are of.", show_default=False)] = None,
    patience: Annotated[float, typer.Option(min=1, help="Give up after this many seconds without progress.")] = 120.0,
    home: HomeOption = None,
) -> None:
    """Replay bars through the whole desk, show every proposal as it happens, then a summary.

    The desk of the demo lives in a folder `demo` of its own under the home, and begins anew every time.
    """
    import asyncio

    from osiris_cli import console, demo_run, models, network, settings

    if csv is not None and not csv.is_file():
        raise CliError(f"expected a CSV file of bars, there is none at {csv}")
    found = settings.load(home=home).demo
    if not network.port_is_free(found.gateway_host, found.gateway_port):  # a real desk has it
        found = found.model_copy(update={"gateway_port": network.free_port(found.gateway_host)})
    if speed is None and found.sim_delay is None:
        speed = found.sim_speed or "10x"
    given = {"SPEED": speed, "CSV": str(csv.resolve()) if csv else None, "SYMBOL": symbol}
    extra = {f"OSIRIS_SIM_{name}": value for name, value in given.items() if value is not None}
    out = console.standard()
    models.prepare(found.models_folder, out.print)
    asyncio.run(demo_run.run(found, proposals=proposals, patience=patience, extra=extra, out=out))
