"""`osiris models`: the model versions on disk, and what the running services hold."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from pathlib import Path

    from osiris_cli.models import Version
    from osiris_contracts import Presence

EXAMPLE = "Example: osiris models use phi3 2024-01-03   A running phi3 loads it beside the old one and swaps."

models = typer.Typer(help="The models: what lies on disk, what is in use, and changing it.", add_completion=False)

_PATIENCE_SECONDS = 300  # a long answer is finished first, and vLLM takes a minute to load

Role = Annotated[Literal["phi3", "hermes"], typer.Argument(help="Whose model.", show_default=False)]


@models.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the versions of each role's model, which one is current, and what live services hold."""
    if context.invoked_subcommand is None:
        list_(as_json, home)


@models.command("list", epilog="Example: osiris models list --json")
def list_(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the versions of each role's model, which one is current, and what live services hold."""
    import asyncio

    from osiris_cli import models as folders
    from osiris_cli import run_file, settings

    found = settings.load(home=home)
    on_disk = [version for role in folders.ROLES for version in folders.versions(found.models_folder, role)]
    desk = run_file.running(found.home)
    url = found.redis_url or (desk.redis_url if desk else None)
    live = asyncio.run(_live(url)) if url else []
    rollouts = folders.rollouts(found.models_folder)
    if as_json:
        told = {
            "disk": [_facts(each) for each in on_disk],
            "live": [_held(each) for each in live],
            "rollouts": [asdict(each) for each in rollouts],
        }
        typer.echo(json.dumps(told))
        return
    _show(on_disk, live, "no desk is running" if url is None else "no model service is alive")
    for each in rollouts:
        share = f", answers {each.share:.0%} of the requests" if each.stage == "canary" else ""
        typer.echo(f"{each.version}: {each.stage}{share}{f', {each.reason}' if each.reason else ''}")


@models.command(epilog="Example: osiris models verify phi3")
def verify(
    role: Role,
    version: Annotated[str | None, typer.Argument(help="Which one; else the current.", show_default=False)] = None,
    home: HomeOption = None,
) -> None:
    """Load a version and let it answer."""
    from osiris_cli import models as folders
    from osiris_cli import settings

    folder = folders.folder_of(settings.load(home=home).models_folder, role, version)
    typer.echo(f"{folder.name}: {folders.verify(folder)}")


@models.command(epilog="Example: osiris models pull phi3 microsoft/Phi-3-mini-4k-instruct-onnx --folder NAME")
def pull(
    role: Role,
    repository: Annotated[str, typer.Argument(help="OWNER/NAME on the Hugging Face hub.", show_default=False)],
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag; else the newest.")] = None,
    folder: Annotated[str | None, typer.Option(help="The one folder of it to fetch.")] = None,
    home: HomeOption = None,
) -> None:
    """Fetch a published model, as data alone, and verify it; nothing else here ever fetches one."""
    from osiris_cli import models as folders
    from osiris_cli import pulling, settings

    root = settings.load(home=home).models_folder
    found = pulling.pull(root, role, repository, revision=revision, folder=folder)
    typer.echo(f"{found.name}: {folders.verify(found)}")
    typer.echo(f"use it from now on: osiris models use {role} {found.name}")


@models.command(epilog=EXAMPLE)
def use(
    role: Role,
    version: Annotated[str, typer.Argument(help="Name of the version.", show_default=False)],
    home: HomeOption = None,
) -> None:
    """Verify a version, then use it from now on; a running service swaps without losing a request."""
    from osiris_cli import models as folders
    from osiris_cli import settings

    root = settings.load(home=home).models_folder
    folder = folders.folder_of(root, role, version)
    folders.verify(folder)
    folders.use(root, role, folder)
    typer.echo(f"{role} uses {folder.name}")


@models.command(epilog="Example: osiris models rollback phi3")
def rollback(role: Role, home: HomeOption = None) -> None:
    """Use the version that was in use before."""
    from osiris_cli import models as folders
    from osiris_cli import settings

    typer.echo(f"{role} uses {folders.rollback(settings.load(home=home).models_folder, role).name}")


@models.command(epilog="Example: osiris models sleep hermes   Its GPU is free for the trainer until: wake hermes")
def sleep(role: Role, home: HomeOption = None) -> None:
    """Let a role's services finish what they do and give their model's memory back."""
    _tell(role, "sleep", home)


@models.command(epilog="Example: osiris models wake hermes")
def wake(role: Role, home: HomeOption = None) -> None:
    """Let a role's services load their model again and go on."""
    _tell(role, "wake", home)


def _tell(role: str, command: Literal["sleep", "wake"], home: "Path | None") -> None:
    """Tell every living instance, and wait until it says that it did."""
    import asyncio

    from osiris_cli import run_file, settings

    url = run_file.redis_url(settings.load(home=home))
    told = asyncio.run(_told(url, role, command))
    typer.echo(f"{role}: {told} {'asleep' if command == 'sleep' else 'awake'}")


async def _told(url: str, role: str, command: Literal["sleep", "wake"]) -> int:
    import asyncio

    from osiris_cli.errors import CliError
    from osiris_contracts import Control, streams
    from osiris_mesh import Bus

    async with Bus(url, "cli") as bus:
        if not await bus.instances(role):
            raise CliError(f"expected a living {role}, there is none; start the desk: osiris up")
        await bus.publish(streams.control(role), Control(command=command, reason=f"osiris models {command}"))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                found = await bus.instances(role)
                if found and all(each.model and each.model.loaded == (command == "wake") for each in found):
                    return len(found)
                await asyncio.sleep(0.2)


async def _live(url: str) -> "list[Presence]":
    """The living instances of every role."""
    from osiris_cli.models import ROLES
    from osiris_mesh.connection import connect
    from osiris_mesh.presence import alive

    redis = connect(url)
    try:
        return [instance for role in ROLES for instance in await alive(redis, role)]
    finally:
        await redis.aclose()


def _show(on_disk: "list[Version]", live: "list[Presence]", nobody: str) -> None:
    from rich.table import Table

    from osiris_cli import console

    out = console.standard()
    if not on_disk:
        typer.echo("no model on disk yet; the first start makes one: osiris up")
    else:
        table = Table("role", "version", "current", "size", box=None, pad_edge=False, header_style="dim")
        for each in on_disk:
            table.add_row(each.role, each.version, "yes" if each.current else "", f"{each.bytes / 1e6:.0f} MB")
        out.print(table)
    if not live:
        typer.echo(nobody)
        return
    table = Table("instance", "holds", "device", "ready", box=None, pad_edge=False, header_style="dim")
    for instance in live:
        model = instance.model
        held = model.version if model and model.version else "nothing yet"
        table.add_row(instance.instance, held, model.device if model else "", "yes" if instance.ready else "no")
    out.print(table)


def _facts(version: "Version") -> dict[str, object]:
    return {
        "role": version.role,
        "version": version.version,
        "current": version.current,
        "bytes": version.bytes,
        "folder": str(version.folder),
    }


def _held(instance: "Presence") -> dict[str, object]:
    return instance.model_dump(mode="json", include={"service", "instance", "ready", "model"})
