"""`osiris tail`: look at a stream."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from osiris_mesh.connection import Client
    from osiris_mesh.feed import Entry

EXAMPLE = "Example: osiris tail advice.generated --follow   The last hundred as JSON: --last 100 --json"


def tail(
    stream: Annotated[str, typer.Argument(help="Name of the stream, such as market.ticks.", show_default=False)],
    *,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="Begin with the last so many.")] = 10,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest there is.")] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after this many entries.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show the last entries of a stream, and with --follow those that come. Nothing is taken off the stream."""
    import asyncio

    from osiris_cli import run_file, settings

    url = run_file.redis_url(settings.load(home=home))
    entries = _entries(url, stream, last=None if from_start else last, follow=follow)
    asyncio.run(_until_stop(_print(entries, count, as_json=as_json)))


async def _until_stop(work: "Coroutine[Any, Any, None]") -> None:
    from osiris_cli import stop_signals

    with stop_signals.listening() as signals:
        await signals.until_stop(work)


async def _print(entries: "AsyncIterator[Entry]", count: int | None, *, as_json: bool) -> None:
    shown = 0
    async for entry in entries:
        typer.echo(_json(entry) if as_json else _line(entry))
        shown += 1
        if shown == count:
            return


async def _entries(url: str, stream: str, *, last: int | None, follow: bool) -> "AsyncIterator[Entry]":
    """The entries that are there (the `last` so many; None: all), then those that come."""
    from osiris_mesh import feed
    from osiris_mesh.connection import connect

    redis = connect(url)
    try:
        await _expect(redis, stream, follow=follow)
        position = feed.START
        async for entry in feed.present(redis, stream, last):
            position = entry.id.encode()
            yield entry
        if follow:
            if last == 0:
                position = (await feed.last_ids(redis, stream))[stream]
            async for entries in feed.follow(redis, {stream: position}):
                for entry in entries:
                    yield entry
    finally:
        await redis.aclose()


async def _expect(redis: "Client", stream: str, *, follow: bool) -> None:
    from osiris_contracts import streams

    if await redis.exists(stream):
        return
    if follow:
        typer.echo(f"there is no stream {stream} yet; waiting for its first entry", err=True)
    elif streams.is_the_desks_own(stream):
        typer.echo(f"nothing was sent on {stream} yet", err=True)
    else:
        raise CliError(f"there is no stream {stream}; see those there are: osiris lag   Wait for it: --follow", 1)


def _json(entry: "Entry") -> str:
    return json.dumps({"id": entry.id, "fields": entry.text}, ensure_ascii=False)


def _line(entry: "Entry") -> str:
    """Attributes first, then the message."""
    text = entry.text
    about = " ".join(text[name] for name in ("time", "type", "source") if name in text)
    return f"{entry.id} {about} {text.get('data', json.dumps(text, ensure_ascii=False))}"
