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
    from osiris_mesh.deadletter import DeadLetters, Filter

    Result = TypeVar("Result")

EXAMPLE = "Example: osiris dead list"
LIST_EXAMPLE = "Example: osiris dead list hermes.requests --since 2h --reason 'out of memory'"
SHOW_EXAMPLE = "Example: osiris dead show hermes.requests 1718000000000-0"
REPLAY_EXAMPLE = "Example: osiris dead replay hermes.requests --reason 'model tripped' --dry-run"
DROP_EXAMPLE = "Example: osiris dead drop hermes.requests --since 2024-01-02T14:30   All of them: --all"

Stream = Annotated[str, typer.Argument(help="The stream the messages came from.", show_default=False)]
EntryId = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, as `osiris dead list` shows it.", show_default=False)
]
EntryIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Their ids, as `osiris dead list` shows them.", show_default=False),
]
Ids = Annotated[list[str] | None, typer.Option("--id", help="This one; may be given again.", show_default=False)]
Group = Annotated[str | None, typer.Option(help="Those this consumer group gave up.", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Those with this text in their reason.", show_default=False)]
Since = Annotated[
    str | None, typer.Option(help="Those that died since: 2h, 30min, 7d, or a time (UTC).", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter of the stream.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show which they are.")]

dead = typer.Typer(help="See, replay or drop the messages that could not be delivered.", no_args_is_help=True)


@dead.command("list", epilog=LIST_EXAMPLE)
def list_(
    stream: Annotated[
        str | None, typer.Argument(help="One stream; else all that have any.", show_default=False)
    ] = None,
    *,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    ids: Ids = None,
    count: Annotated[int, typer.Option(min=1, help="The newest so many of a stream.")] = 100,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List dead letters, newest first, or how many each stream has."""
    from osiris_mesh.deadletter import EVERY

    where = _filter(ids, group, reason, since)
    if stream is None and where == EVERY:
        _count(home, as_json=as_json)
        return

    async def find(letters: "DeadLetters") -> "list[DeadLetter]":
        names = [stream] if stream is not None else list(await letters.streams())
        return [letter for name in names for letter in await letters.list(name, count, where)]

    _show(_with_letters(home, find), as_json=as_json, with_stream=stream is None)


@dead.command(epilog=SHOW_EXAMPLE)
def show(stream: Stream, entry_id: EntryId, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show one dead letter in full."""
    letter = _with_letters(home, lambda letters: letters.show(stream, entry_id))
    if letter is None:
        raise _none(stream, entry_id)
    typer.echo(letter.model_dump_json() if as_json else _in_full(letter))


@dead.command(epilog=REPLAY_EXAMPLE)
def replay(
    stream: Stream,
    entry_ids: EntryIds = None,
    *,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    ids: Ids = None,
    every: All = False,
    dry_run: DryRun = False,
    home: HomeOption = None,
) -> None:
    """Put dead letters back on their stream, to be tried again; their deadline counts no more."""

    async def act(letters: "DeadLetters", one: str) -> bool:
        return await letters.replay(stream, one) is not None

    where = _filter([*(entry_ids or ()), *(ids or ())], group, reason, since)
    _each(home, stream, where, every=every, dry_run=dry_run, act=act, done="replayed")


@dead.command(epilog=DROP_EXAMPLE)
def drop(
    stream: Stream,
    entry_ids: EntryIds = None,
    *,
    group: Group = None,
    reason: Reason = None,
    since: Since = None,
    ids: Ids = None,
    every: All = False,
    dry_run: DryRun = False,
    home: HomeOption = None,
) -> None:
    """Remove dead letters for good."""

    async def act(letters: "DeadLetters", one: str) -> bool:
        return await letters.drop(stream, one)

    where = _filter([*(entry_ids or ()), *(ids or ())], group, reason, since)
    _each(home, stream, where, every=every, dry_run=dry_run, act=act, done="dropped")


def _filter(ids: Sequence[str] | None, group: str | None, reason: str | None, since: str | None) -> "Filter":
    from datetime import UTC, datetime

    from osiris_cli.moments import moment
    from osiris_mesh.deadletter import Filter

    began = None if since is None else moment(since, datetime.now(UTC))
    return Filter(group=group, reason=reason, since=began, ids=frozenset(ids or ()))


def _each(
    home: Path | None,
    stream: str,
    where: "Filter",
    *,
    every: bool,
    dry_run: bool,
    act: "Callable[[DeadLetters, str], Awaitable[bool]]",
    done: str,
) -> None:
    """Do `act` to the dead letters of `stream` that are meant."""
    from osiris_mesh.deadletter import EVERY

    if (where == EVERY) != every:
        raise CliError("expected either --all, or the ID of a dead letter or a filter such as --reason; see --help")

    async def run(letters: "DeadLetters") -> "tuple[list[DeadLetter], int]":
        # those that die while this runs wait for the next time
        meant = [letter async for letter in letters.each(stream, where)]
        if missing := where.ids - {letter.entry_id for letter in meant}:
            raise _none(stream, min(missing))
        return meant, 0 if dry_run else sum([await act(letters, letter.entry_id) for letter in meant])

    meant, number = _with_letters(home, run)
    if done == "replayed" and (cut := [letter.entry_id for letter in meant if letter.cut]):
        typer.echo(f"left, because they are not whole any more: {', '.join(cut)}; osiris dead drop them", err=True)
    if dry_run:
        _show(meant, as_json=False, with_stream=False)
    typer.echo(f"would have {done} {len(meant)}" if dry_run else f"{done} {number}")


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
    return CliError(f"{stream} has no dead letter {entry_id} (that fits); see: osiris dead list {stream}")


def _count(home: Path | None, *, as_json: bool) -> None:
    counts = _with_letters(home, lambda letters: letters.streams())
    if as_json:
        typer.echo(json.dumps(counts))
        return
    _table(("stream", "dead letters"), [(name, str(number)) for name, number in counts.items()])


def _show(found: "Sequence[DeadLetter]", *, as_json: bool, with_stream: bool) -> None:
    if as_json:
        for letter in found:
            typer.echo(letter.model_dump_json())
        return
    columns: tuple[str, ...] = ("id", "died (UTC)", "group", "tried", "why")
    rows: list[tuple[str, ...]] = [
        (each.entry_id, f"{each.died_at:%Y-%m-%d %H:%M:%S}", each.group, str(each.deliveries), each.reason)
        for each in found
    ]
    if with_stream:
        columns = ("stream", *columns)
        rows = [(each.stream, *row) for each, row in zip(found, rows, strict=True)]
    _table(columns, rows)


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from osiris_cli import console

    if not rows:
        typer.echo("no dead letters")
        return
    console.standard().print(console.table(columns, rows, numbers=("dead letters", "tried")))


def _in_full(letter: "DeadLetter") -> str:
    facts = letter.model_dump(mode="json", exclude={"fields"})
    lines = [f"{name:<14} {value}" for name, value in facts.items()]
    return "\n".join([*lines, "fields", *(f"  {name:<14} {value}" for name, value in letter.fields.items())])
