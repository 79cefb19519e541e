"""`python -m osiris_watchdog`: watch memory. Bad arguments end it with exit code 2 and one line."""

import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from osiris_mesh.main import run
from osiris_watchdog.app import build
from osiris_watchdog.settings import WatchdogSettings

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _option(name: str) -> Any:
    field = WatchdogSettings.model_fields[name]
    return typer.Option(f"--{name.replace('_', '-')}", help=f"{field.description} Default: {field.default}.")


@cli.command()
def watchdog(  # noqa: PLR0917  # typer hands them over by name
    meter: Annotated[str | None, _option("meter")] = None,
    interval_seconds: Annotated[float | None, _option("interval_seconds")] = None,
    reads: Annotated[int | None, _option("reads")] = None,
    gpu_limit_mib: Annotated[float | None, _option("gpu_limit_mib")] = None,
    memory_limit_mib: Annotated[float | None, _option("memory_limit_mib")] = None,
    max_iterations: Annotated[int | None, _option("max_iterations")] = None,
    once: Annotated[bool, typer.Option("--once", help="Read once, tell, and end.")] = False,
    dry_run: Annotated[bool | None, typer.Option("--dry-run", help="Tell, and restart nothing.")] = None,
) -> None:
    """Restart a service whose memory stays above the limit. The rest is set by OSIRIS_WATCHDOG_… variables."""
    given = {name: value for name, value in locals().items() if value is not None and name != "once"}
    try:
        settings = WatchdogSettings(**given | ({"max_iterations": 1} if once else {}))
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        was = "" if name.lower().endswith("redis_url") else f", was {problem['input']!r}"  # it may hold a password
        name = name if name.startswith("OSIRIS_") else f"--{name.replace('_', '-')}"
        print(f"osiris_watchdog: {name}: {problem['msg']}{was}", file=sys.stderr)
        raise typer.Exit(2) from None
    run(build(settings))


if __name__ == "__main__":
    cli(prog_name="python -m osiris_watchdog")
