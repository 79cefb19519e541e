"""`osiris keys`: who may come through the HTTP door."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from osiris_contracts import ApiKey
    from osiris_mesh.key_ring import KeyRing

    Result = TypeVar("Result")

EXAMPLE = "Example: osiris keys add notebook"
ADD_EXAMPLE = (
    "Example: osiris keys add notebook --scope generate --scope feedback --expires 90d --requests-per-minute 60   "
    "Only the key goes to standard output: KEY=$(osiris keys add notebook)"
)
LIST_EXAMPLE = "Example: osiris keys list --json"
REVOKE_EXAMPLE = "Example: osiris keys revoke notebook"
OPEN_EXAMPLE = "Example: osiris keys open --yes"


class Scope(StrEnum):
    """The contract's scopes, told to typer without its import."""

    GENERATE = "generate"
    FEEDBACK = "feedback"
    ADMIN = "admin"


Name = Annotated[str, typer.Argument(help="What the key is called, such as who has it.", show_default=False)]
Scopes = Annotated[
    list[Scope],
    typer.Option(
        "--scope",
        help="What it may do: ask the models, give feedback, or everything; may be given again.",
    ),
]
Expires = Annotated[
    str | None, typer.Option(help="When it ends: in 12h, 90d, or at a time (UTC). Default: never.", show_default=False)
]
Requests = Annotated[
    int | None,
    typer.Option(
        min=1, max=1_000_000, help="Requests a minute. Default: as the gateway's settings say.", show_default=False
    ),
]
Tokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000_000,
        help="Tokens of prompts and answers a minute. Default: as the gateway's settings say.",
        show_default=False,
    ),
]

keys = typer.Typer(
    help="API keys of the gateway: as soon as there is one, requests need one. Gateways see a change within a second.",
    no_args_is_help=True,
)


@keys.command(epilog=ADD_EXAMPLE)
def add(
    name: Name,
    *,
    scopes: Scopes = [Scope.GENERATE],  # noqa: B006  # typer reads it, and nobody changes it
    expires: Expires = None,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Make a key and show it, this once: only its hash is kept."""
    from datetime import UTC, datetime

    from osiris_cli.moments import coming
    from osiris_contracts import api_key_digest, new_api_key

    now = datetime.now(UTC)
    secret = new_api_key()
    key = _key(
        name=name,
        digest=api_key_digest(secret.encode()),
        scopes=tuple(dict.fromkeys(scopes)),
        created_at=now,
        expires_at=None if expires is None else coming(expires, now),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
    )
    if not _with_ring(home, lambda ring: ring.add(key)):
        raise CliError(f"there is a key {name} already; choose another name, or first: osiris keys revoke {name}")
    if as_json:
        typer.echo(json.dumps({"key": secret, **_facts(key)}))
        return
    typer.echo(secret)
    typer.echo(f"{name} may {_list(key.scopes)}; keep the key now, it is not shown again", err=True)


@keys.command("list", epilog=LIST_EXAMPLE)
def list_(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the keys: what they may do, how long and how often. Not the keys themselves, which nobody has."""
    from datetime import UTC, datetime

    ring = _with_ring(home, lambda ring: ring.read())
    if as_json:
        typer.echo(json.dumps([_facts(key) for key in ring.keys]))
    elif ring.keys:
        _show(ring.keys, datetime.now(UTC))
    elif ring.asks:
        typer.echo("no keys are left, and gateways ask for one; make one with: osiris keys add NAME")
    else:
        typer.echo("no keys; make one with: osiris keys add NAME")


@keys.command(epilog=REVOKE_EXAMPLE)
def revoke(name: Name, home: HomeOption = None) -> None:
    """Let a key open the door no more. After the last one gateways still ask for one."""
    if not _with_ring(home, lambda ring: ring.revoke(name)):
        raise CliError(f"there is no key {name}; see those there are: osiris keys list")
    typer.echo(f"revoked {name}")
    if not _with_ring(home, lambda ring: ring.read()).keys:
        typer.echo("it was the last; until another is added, gateways let nobody in with one", err=True)


@keys.command("open", epilog=OPEN_EXAMPLE)
def open_(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False,
    home: HomeOption = None,
) -> None:
    """Forget every key: gateways on loopback ask for none any more, as at the beginning."""
    if not yes:
        typer.confirm("Forget every key, so that every program on this machine may use the desk?", abort=True)
    _with_ring(home, lambda ring: ring.open())
    typer.echo("forgot every key; gateways on loopback ask for none")


def _key(**facts: Any) -> "ApiKey":
    from pydantic import ValidationError

    from osiris_contracts import KEY_NAME_PATTERN, ApiKey

    try:
        return ApiKey(**facts)
    except ValidationError:  # typer has checked the rest
        raise CliError(f"expected a name of the form {KEY_NAME_PATTERN}, was '{facts['name']}'") from None


def _with_ring(home: Path | None, work: "Callable[[KeyRing], Awaitable[Result]]") -> "Result":
    """Do `work` with the keys of the running desk."""
    import asyncio

    from osiris_cli import run_file, settings
    from osiris_mesh.connection import connect
    from osiris_mesh.key_ring import KeyRing

    url = run_file.redis_url(settings.load(home=home))

    async def run() -> "Result":
        redis = connect(url)
        try:
            return await work(KeyRing(redis))
        finally:
            await redis.aclose()

    return asyncio.run(run())


def _facts(key: "ApiKey") -> dict[str, Any]:
    return key.model_dump(mode="json", exclude={"digest"})


def _show(found: "Sequence[ApiKey]", now: "datetime") -> None:
    from osiris_cli import console

    rows = [
        (
            key.name,
            _list(key.scopes),
            f"{key.created_at:%Y-%m-%d %H:%M}",
            _end(key, now),
            str(key.requests_per_minute or ""),
            str(key.tokens_per_minute or ""),
        )
        for key in found
    ]
    columns = ("name", "may", "made (UTC)", "ends (UTC)", "requests/min", "tokens/min")
    console.standard().print(console.table(columns, rows, numbers=("requests/min", "tokens/min")))


def _end(key: "ApiKey", now: "datetime") -> str:
    if key.expires_at is None:
        return "never"
    return f"{key.expires_at:%Y-%m-%d %H:%M}{' (has ended)' if key.is_expired(now) else ''}"


def _list(scopes: "Sequence[str]") -> str:
    return ", ".join(scopes)
