"""`osiris lag`: how far each consumer group is with each stream."""

import json
import time
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from rich.table import Table

    from osiris_mesh.connection import Client
    from osiris_mesh.groups import StreamState

    Rates = Mapping[tuple[str, str], float]

EXAMPLE = "Example: osiris lag --watch   For a program: osiris lag hermes.requests --json"

_COLUMNS = ("stream", "length", "group", "lag", "pending", "oldest pending", "consumers")
_RATE = "handled/s"
_WATCH_SECONDS = 2.0


def lag(
    streams: Annotated[
        list[str] | None, typer.Argument(help="These; else all but reply streams.", show_default=False)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again every two seconds, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show what each consumer group has left to do: entries it was not handed yet (lag) or has not finished (pending).

    With --watch also how many it finishes a second; with --json one line a look.
    """
    import asyncio

    from osiris_cli import run_file, settings, stop_signals

    url = run_file.redis_url(settings.load(home=home))

    async def run() -> None:
        with stop_signals.listening() as signals:
            await signals.until_stop(_run(url, streams, watch=watch, as_json=as_json))

    asyncio.run(run())


async def _run(url: str, names: "Sequence[str] | None", *, watch: bool, as_json: bool) -> None:
    from osiris_mesh.connection import connect

    redis = connect(url)
    try:
        with ExitStack() as stack:
            show = _as_json if as_json else _as_table(stack, live=watch)
            async for states, rates in _looks(redis, names):
                show(states, rates)
                if not watch:
                    return
    finally:
        await redis.aclose()


async def _looks(redis: "Client", names: "Sequence[str] | None") -> "AsyncIterator[tuple[list[StreamState], Rates]]":
    """The streams as they are, again and again, and what each group finished a second since the look before."""
    import asyncio

    from osiris_mesh.groups import state_of, stream_names

    finished: dict[tuple[str, str], tuple[float, int]] = {}
    while True:
        found = names or sorted([name async for name in stream_names(redis)])
        states = [await state_of(redis, name, time.time()) for name in found]
        now, rates = time.monotonic(), {}
        for group in (group for state in states for group in state.groups):
            key, done = (group.stream, group.name), group.finished
            if done is None:
                continue
            if key in finished:
                then, before = finished[key]
                rates[key] = max(done - before, 0) / (now - then)
            finished[key] = (now, done)
        yield states, rates
        await asyncio.sleep(_WATCH_SECONDS)


def _as_json(states: "Sequence[StreamState]", rates: "Rates") -> None:
    facts: list[dict[str, Any]] = [asdict(state) for state in states]
    for group in (group for each in facts for group in each["groups"]):
        group["handled_per_second"] = rates.get((group["stream"], group["name"]))
    typer.echo(json.dumps(facts))


def _as_table(stack: ExitStack, *, live: bool) -> "Callable[[Sequence[StreamState], Rates], None]":
    """Prints a table; a `live` one is drawn over again."""
    from rich.live import Live

    from osiris_cli import console

    out = console.standard()
    if not live:
        return lambda states, _: out.print(_table(states, None))
    drawing = stack.enter_context(Live(console=out, auto_refresh=False))
    return lambda states, rates: drawing.update(_table(states, rates), refresh=True)


def _table(states: "Sequence[StreamState]", rates: "Rates | None") -> "Table":
    from osiris_cli import console, moments

    rows = []
    for state in states:
        if not state.groups:
            rows.append((state.stream, str(state.length), *[""] * (len(_COLUMNS) - 2)))
        for number, group in enumerate(state.groups):
            age = group.oldest_pending_seconds
            rows.append(
                (
                    "" if number else state.stream,
                    "" if number else str(state.length),
                    group.name,
                    str(group.lag),
                    str(group.pending),
                    "" if age is None else moments.length(age),
                    str(len(group.consumers)),
                )
            )
            if rates is not None:
                rate = rates.get((group.stream, group.name))
                rows[-1] += ("" if rate is None else f"{rate:.1f}",)
    columns = _COLUMNS if rates is None else (*_COLUMNS, _RATE)
    return console.table(columns, rows, numbers=("length", "lag", "pending", "oldest pending", "consumers", _RATE))
