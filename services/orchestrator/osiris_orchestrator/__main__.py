"""`python -m osiris_orchestrator`: run the desk. Bad arguments end it with exit code 2 and one line."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from osiris_mesh.main import run
from osiris_orchestrator.app import build
from osiris_orchestrator.settings import OrchestratorSettings

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def orchestrator(
    redis_url: Annotated[str | None, typer.Option("--redis_url", "--redis-url", help="Redis to work on.")] = None,
    market_channel: Annotated[
        str | None, typer.Option("--market_channel", "--market-channel", help="Stream the ticks come from.")
    ] = None,
    ticks_per_proposal: Annotated[
        int | None, typer.Option("--ticks_per_proposal", "--ticks-per-proposal", help="Bars between two runs.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="File that the models' answers are recorded in.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Recorded answers to use in place of the models'.")] = None,
) -> None:
    """Ask phi3 every few bars, gate, critique, order, book. The rest is set by OSIRIS_ORCHESTRATOR_… variables."""
    given = {name: value for name, value in locals().items() if value is not None}
    try:
        settings = OrchestratorSettings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        was = "" if name.lower().endswith("redis_url") else f", was {problem['input']!r}"  # it may hold a password
        print(f"osiris_orchestrator: --{name}: {problem['msg']}{was}", file=sys.stderr)
        raise typer.Exit(2) from None
    run(build(settings))


if __name__ == "__main__":
    cli(prog_name="python -m osiris_orchestrator")
