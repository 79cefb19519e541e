"""`osiris doctor`: whether the desk can run here, and what to do where it cannot."""

import json
from dataclasses import asdict

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

EXAMPLE = "Example: osiris doctor --json"


def doctor(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Check that the desk can run on this machine; exit code 1 when it cannot."""
    from rich.text import Text

    from osiris_cli import checks, console, settings

    found = checks.all_checks(settings.load(home=home))
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
