"""`python -m osiris_sim`: replay bars and be the venue. Bad arguments end it with exit code 2 and one line."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from redis.exceptions import ConnectionError, TimeoutError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from osiris_desk.market import dates
from osiris_desk.market.bars import Tape
from osiris_desk.market.bundled import bundled_csv
from osiris_desk.market.csv_file import CsvError, read, symbol_of
from osiris_sim.app import build
from osiris_sim.settings import SimSettings

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class UsageError(Exception):
    """Something the caller must change."""


def _option(name: str) -> Any:
    field = SimSettings.model_fields[name]
    default = "" if field.default in (None, False) else f" Default: {field.default}."
    flags = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
    return typer.Option(*flags, help=f"{field.description}{default}", show_default=False)


@cli.command()
def sim(  # noqa: PLR0917  # typer hands them over by name
    csv: Annotated[Path | None, typer.Argument(help="CSV file of bars.", show_default=False)] = None,
    redis_url: Annotated[str | None, _option("redis_url")] = None,
    channel: Annotated[str | None, _option("channel")] = None,
    order_channel: Annotated[str | None, _option("order_channel")] = None,
    speed: Annotated[str | None, _option("speed")] = None,
    delay: Annotated[float | None, _option("delay")] = None,
    from_date: Annotated[str | None, _option("from_date")] = None,
    to_date: Annotated[str | None, _option("to_date")] = None,
    symbol: Annotated[str | None, _option("symbol")] = None,
    commission_rate: Annotated[float | None, _option("commission_rate")] = None,
    slippage_impact: Annotated[float | None, _option("slippage_impact")] = None,
    starting_cash: Annotated[float | None, _option("starting_cash")] = None,
    seed: Annotated[int | None, _option("seed")] = None,
    loop: Annotated[bool | None, _option("loop")] = None,
    pace_group: Annotated[str | None, _option("pace_group")] = None,
    no_wait: Annotated[bool | None, _option("no_wait")] = None,
    restart: Annotated[bool | None, _option("restart")] = None,
) -> None:
    """Replay bars into Redis, and fill the orders that come back."""
    given = {name: value for name, value in locals().items() if value is not None}
    if "speed" in given and "delay" in given:
        raise UsageError("expected --speed or --delay, got both")
    # one on the command line overrules the other in the environment
    if "speed" in given or "delay" in given:
        given = {"speed": None, "delay": None, **given}
    try:
        settings = SimSettings(**given)
    except ValidationError as error:
        raise UsageError(_explain(error)) from None
    _run(settings)


def _run(settings: SimSettings) -> None:
    path = settings.csv or bundled_csv()
    symbol = settings.symbol or symbol_of(path)
    found = read(path)
    if found.report:
        print(f"osiris_sim: {found.report}", file=sys.stderr)
    first = dates.parse(settings.from_date) if settings.from_date else None
    last = dates.parse_end(settings.to_date) if settings.to_date else None
    bars = found.bars.between(first, last)
    if len(bars) == 0:
        from_bar, to_bar = (dates.from_micros(int(found.bars.time[row])).isoformat() for row in (0, -1))
        raise UsageError(
            f"expected bars from {settings.from_date or 'the first'} to {settings.to_date or 'the last'}, "
            f"the file has none: it goes from {from_bar} to {to_bar}"
        )
    tape = Tape(bars, loop=settings.loop)
    console = Console(stderr=True)
    progress = Progress(
        TextColumn(symbol), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True
    )
    total = progress.add_task(symbol, total=None if settings.loop else len(bars))
    shown: AbstractContextManager[Any] = progress if console.is_terminal else nullcontext()
    with shown:
        build(settings, symbol, tape, lambda count: progress.advance(total, count)).run()


def _explain(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = "--" + ".".join(map(str, problem["loc"])) + ": " if problem["loc"] else ""
    return f"{name}{problem['msg'].removeprefix('Value error, ')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        return cli(arguments, prog_name="python -m osiris_sim", standalone_mode=False) or 0
    except (UsageError, CsvError) as error:
        return _say(str(error), 2)
    except typer.TyperException as error:
        return _say(error.format_message(), error.exit_code)
    except (ConnectionError, TimeoutError) as error:
        return _say(f"expected Redis to answer, it did not: {error}", 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130


def _say(message: str, exit_code: int) -> int:
    print("osiris_sim: " + " ".join(message.split()), file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
