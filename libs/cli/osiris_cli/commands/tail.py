"""`osiris tail`: watch a stream."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from osiris_mesh.feed import Entry

EXAMPLE = "Example: osiris tail advice.generated --from-start --count 5"


def tail(
    stream: Annotated[str, typer.Argument(help="Name of the stream, such as market.ticks.", show_default=False)],
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with what is there already.")] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after this many entries.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show the entries of a stream as they come, until Ctrl-C. Nothing is taken off the stream."""
    import asyncio

    from osiris_cli import run_file, settings

    url = run_file.redis_url(settings.load(home=home))
    asyncio.run(_until_stop(_follow(url, stream, from_start=from_start, count=count, as_json=as_json)))


async def _until_stop(work: "Coroutine[Any, Any, None]") -> None:
    from osiris_cli import stop_signals

    with stop_signals.listening() as signals:
        await signals.until_stop(work)


async def _follow(url: str, stream: str, *, from_start: bool, count: int | None, as_json: bool) -> None:
    from osiris_mesh import feed
    from osiris_mesh.connection import connect

    redis = connect(url)
    try:
        after = {stream: feed.START} if from_start else await feed.last_ids(redis, stream)
        if not await redis.exists(stream):
            typer.echo(f"there is no stream {stream} yet; waiting for its first entry", err=True)
        shown = 0
        async for entries in feed.follow(redis, after):
            for entry in entries:
                typer.echo(_json(entry) if as_json else _line(entry))
                shown += 1
                if shown == count:
                    return
    finally:
        await redis.aclose()


def _json(entry: "Entry") -> str:
    return json.dumps({"id": entry.id, "fields": entry.text}, ensure_ascii=False)


def _line(entry: "Entry") -> str:
    """Attributes first, then the message."""
    text = entry.text
    about = " ".join(text[name] for name in ("time", "type", "source") if name in text)
    return f"{entry.id} {about} {text.get('data', json.dumps(text, ensure_ascii=False))}"
