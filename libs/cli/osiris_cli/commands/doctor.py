"""`osiris doctor`: whether the desk can run here, and what to do where it cannot."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from osiris_cli.forgotten import Forgotten
    from osiris_cli.settings import CliSettings

EXAMPLE = "Example: osiris doctor --json   Clear away what dead services left in Redis: osiris doctor --fix"


def doctor(
    fix: Annotated[
        bool,
        typer.Option("--fix", help="First remove consumer groups of services gone for good, and dead consumers."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fix: do not ask.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Check that the desk can run on this machine; exit code 1 when it cannot.

    --fix removes a group only when no service of this desk owns it, nobody read for it for a day, and it holds up the
    trimming of its stream; and a consumer only when its instance is dead and it holds nothing.
    """
    from rich.text import Text

    from osiris_cli import checks, console, settings

    loaded = settings.load(home=home)
    if fix:
        _fix(loaded, yes=yes)
    found = checks.all_checks(loaded)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2))
    else:
        out = console.standard()
        styles = {"ok": "green", "warn": "yellow", "fail": "bold red"}
        for check in found:
            status = (f"{check.status:<5}", styles[check.status])
            out.print(Text.assemble(status, f" {check.name:<8} {check.detail}"), soft_wrap=True)
            if check.mend and check.status != "ok":
                out.print(Text(f"{'':<15}mend: {check.mend}", "dim"), soft_wrap=True)
    if any(check.status == "fail" for check in found):
        raise typer.Exit(1)


def _fix(settings: "CliSettings", *, yes: bool) -> None:
    """Remove what is forgotten for good; what was done is told on standard error."""
    import asyncio

    from osiris_cli import forgotten, run_file
    from osiris_cli.desk import SERVICES
    from osiris_mesh.connection import connect

    url = run_file.redis_url(settings)

    async def run() -> None:
        redis = connect(url)
        try:
            findings = await forgotten.look(redis, SERVICES)
            for each in findings.forgotten:
                if each.gone_for_good and (yes or _agreed(each)):
                    went = await forgotten.remove_group(redis, each.group)
                    _tell(f"{'removed' if went else 'kept, somebody reads for it now:'} group {_name(each)}")
            removed = [await forgotten.remove_consumer(redis, *each) for each in findings.consumers]
            _tell(f"removed {sum(removed)} consumers of dead instances")
        finally:
            await redis.aclose()

    asyncio.run(run())


def _agreed(found: "Forgotten") -> bool:
    from osiris_cli import moments

    silent = moments.length(found.silent_seconds)
    question = f"remove group {_name(found)}, silent for {silent}? It gives up {found.group.left} entries."
    return typer.confirm(question, err=True)


def _name(found: "Forgotten") -> str:
    return f"{found.group.name} of {found.group.stream}"


def _tell(what: str) -> None:
    typer.echo(what, err=True)
