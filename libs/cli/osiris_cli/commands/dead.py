"""`osiris dead`: the messages that could not be delivered."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from osiris_contracts import DeadLetter
    from osiris_mesh.deadletter import DeadLetters

    Result = TypeVar("Result")

LIST_EXAMPLE = "Example: osiris dead list hermes.requests"
SHOW_EXAMPLE = "Example: osiris dead show hermes.requests 1718000000000-0"
REPLAY_EXAMPLE = "Example: osiris dead replay hermes.requests --all"
DROP_EXAMPLE = "Example: osiris dead drop hermes.requests 1718000000000-0"

Stream = Annotated[str, typer.Argument(help="The stream the messages came from.", show_default=False)]
EntryId = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, as `osiris dead list` shows it.", show_default=False)
]
MaybeId = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="Its id, as `osiris dead list` shows it.", show_default=False),
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter of the stream.")]

dead = typer.Typer(help="See, replay or drop the messages that could not be delivered.", no_args_is_help=True)


@dead.command("list", epilog=LIST_EXAMPLE)
def list_(
    stream: Annotated[
        str | None, typer.Argument(help="One stream; else all that have any.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List dead letters, newest first, or the streams that have any."""
    if stream is None:
        counts = _with_letters(home, lambda letters: letters.streams())
        if as_json:
            typer.echo(json.dumps(counts))
        else:
            _table(("stream", "dead letters"), [(name, str(number)) for name, number in counts.items()])
        return
    found = _with_letters(home, lambda letters: letters.list(stream, count))
    if as_json:
        for letter in found:
            typer.echo(letter.model_dump_json())
        return
    rows = [
        (each.entry_id, f"{each.died_at:%Y-%m-%d %H:%M:%S}", each.group, str(each.deliveries), each.reason)
        for each in found
    ]
    _table(("id", "died (UTC)", "group", "tried", "why"), rows)


@dead.command(epilog=SHOW_EXAMPLE)
def show(stream: Stream, entry_id: EntryId, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show one dead letter in full."""
    letter = _with_letters(home, lambda letters: letters.show(stream, entry_id))
    if letter is None:
        raise _none(stream, entry_id)
    typer.echo(letter.model_dump_json() if as_json else _in_full(letter))


@dead.command(epilog=REPLAY_EXAMPLE)
def replay(stream: Stream, entry_id: MaybeId = None, every: All = False, home: HomeOption = None) -> None:
    """Put a dead letter back on its stream, to be tried again."""

    async def act(letters: "DeadLetters", one: str) -> bool:
        return await letters.replay(stream, one) is not None

    _each(home, stream, entry_id, every=every, act=act, done="replayed")


@dead.command(epilog=DROP_EXAMPLE)
def drop(stream: Stream, entry_id: MaybeId = None, every: All = False, home: HomeOption = None) -> None:
    """Remove a dead letter for good."""

    async def act(letters: "DeadLetters", one: str) -> bool:
        return await letters.drop(stream, one)

    _each(home, stream, entry_id, every=every, act=act, done="dropped")


def _each(
    home: Path | None,
    stream: str,
    entry_id: str | None,
    *,
    every: bool,
    act: "Callable[[DeadLetters, str], Awaitable[bool]]",
    done: str,
) -> None:
    """Do `act` to one dead letter of `stream`, or to all."""
    if (entry_id is None) != every:
        raise CliError("expected either the ID of a dead letter or --all")

    async def run(letters: "DeadLetters") -> int:
        if entry_id is not None:
            return int(await act(letters, entry_id))
        # those that die while this runs wait for the next time
        ids = [one async for one in letters.each(stream)]
        return sum([await act(letters, one) for one in ids])

    number = _with_letters(home, run)
    if entry_id is not None and not number:
        raise _none(stream, entry_id)
    typer.echo(f"{done} {number}")


def _with_letters(home: Path | None, work: "Callable[[DeadLetters], Awaitable[Result]]") -> "Result":
    """Do `work` with the dead letters of the running desk."""
    import asyncio

    from redis.exceptions import ResponseError

    from osiris_cli import run_file, settings
    from osiris_mesh.connection import connect
    from osiris_mesh.deadletter import DeadLetters

    url = run_file.redis_url(settings.load(home=home))

    async def run() -> "Result":
        redis = connect(url)
        try:
            return await work(DeadLetters(redis))
        except ResponseError as error:  # such as an id that is none
            raise CliError(f"Redis refused: {error}") from None
        finally:
            await redis.aclose()

    return asyncio.run(run())


def _none(stream: str, entry_id: str) -> CliError:
    return CliError(f"{stream} has no dead letter {entry_id}; see: osiris dead list {stream}")


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    from osiris_cli import console

    if not rows:
        typer.echo("no dead letters")
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*row)
    console.standard().print(table)


def _in_full(letter: "DeadLetter") -> str:
    facts = letter.model_dump(mode="json", exclude={"fields"})
    lines = [f"{name:<14} {value}" for name, value in facts.items()]
    return "\n".join([*lines, "fields", *(f"  {name:<14} {value}" for name, value in letter.fields.items())])
