"""`osiris backtest`: let a policy trade bars of the past."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from osiris_cli.commands.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from osiris_desk.backtest.report import Report

EXAMPLE = "Example: osiris backtest spy_1h.csv --html spy.html   A walk-forward: --window 1000 --step 500"

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[CSV]...", help="Files of bars; none: the bundled.", show_default=False)
]
Symbols = Annotated[
    list[str] | None, typer.Option("--symbol", help="Of each file; else the file's name.", show_default=False)
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy", help="advised, trend, a folder, or a version. [default: the current one]", show_default=False
    ),
]
First = Annotated[str | None, typer.Option("--from", help="First bar: YYYY-MM-DD[ HH:MM].", show_default=False)]
Last = Annotated[str | None, typer.Option("--to", help="Last bar; a day is included.", show_default=False)]


def backtest(
    files: Files = None,
    *,
    symbol: Symbols = None,
    policy: PolicyName = None,
    first: First = None,
    last: Last = None,
    replay: Annotated[
        Path | None, typer.Option(help="Recorded answers to take for the models'.", show_default=False)
    ] = None,
    model: Annotated[bool, typer.Option("--model", help="Ask the models of the desk that runs.")] = False,
    record: Annotated[
        Path | None, typer.Option(help="With --model: file to record its answers in.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option("--every", min=1, help="Bars between two runs.")] = 5,
    position: Annotated[float, typer.Option("--max-position", help="Of NAV, percent.")] = 1.0,
    loss: Annotated[float, typer.Option("--max-daily-loss", help="Of NAV, percent.")] = 2.0,
    cash: Annotated[float, typer.Option("--cash", help="To begin with, quote currency.")] = 100_000.0,
    commission: Annotated[float, typer.Option(min=0, max=0.5, help="Of a fill's value, a fraction.")] = 0.001,
    slippage: Annotated[float, typer.Option(min=0, help="Of the price, for the volume of a bar.")] = 0.1,
    window: Annotated[int | None, typer.Option(min=2, help="Walk-forward: bars each.", show_default=False)] = None,
    step: Annotated[
        int | None, typer.Option(min=1, help="Walk-forward: bars between windows.", show_default="window")
    ] = None,
    controls: Annotated[int, typer.Option(min=0, max=1000, help="Runs on shuffled bars.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffling.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Page to write.", show_default=False)] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Let a policy trade bars of the past, with the desk's own code, the venue's fees and slippage, and no Redis.

    Beside its result stand those of buying and holding, and of the same policy on shuffled bars, where nobody has an
    edge.
    """
    import json
    import time
    from contextlib import ExitStack

    from osiris_cli import run_file, settings, studies
    from osiris_cli.errors import CliError
    from osiris_desk import answers
    from osiris_desk.backtest import Models, Nobody, Recorded
    from osiris_desk.backtest.page import page
    from osiris_desk.backtest.report import Study
    from osiris_desk.desk import TickRefused
    from osiris_desk.policy.store import PolicyStore
    from osiris_desk.rules import Rules
    from osiris_desk.venue.terms import Terms

    if replay and model:
        raise CliError("expected --replay or --model, got both")
    if record and not model:
        raise CliError("expected --record with --model: nobody else answers anew")
    if step and not window:
        raise CliError("expected --step with --window")
    found = settings.load(home=home)
    bars, said = studies.bars_of(files or [], symbol or [], first, last)
    store = PolicyStore(found.policies, found.policy_key)
    with ExitStack() as stack:
        try:
            rules = Rules(
                ticks_per_proposal=every, max_position_size_pct=position, max_daily_loss_pct=loss, starting_cash=cash
            )
            recording = answers.read(replay) if replay else None
            chosen = studies.policy_of(policy, store, bars, models=bool(replay or model))
            live: Models | None = None
            if model:
                live = stack.enter_context(studies.live_models(run_file.redis_url(found), record))
            study = Study(
                policy=chosen.policy,
                bars=bars,
                rules=rules,
                terms=Terms(commission, slippage, cash),
                make_models=lambda: live or (Recorded(recording) if recording else Nobody()),
                models=f"recorded, {replay}" if replay else "those of the running desk" if model else "none",
                asks_models=chosen.asks_models,
            )
            started = time.perf_counter()
            report = study.report(controls=controls, seed=seed, window=window, step=step)
        except (ValueError, TickRefused) as error:
            raise CliError(str(error)) from None
    seconds = time.perf_counter() - started
    if html:
        html.write_text(page(report), encoding="utf-8")
    notes = [*said, *([chosen.said] if chosen.said else [])]
    if as_json:
        typer.echo(json.dumps(report.facts() | {"notes": notes, "seconds": round(seconds, 3)}))
        return
    _show(report, notes, seconds)
    if html:
        typer.echo(f"\npage: {html}")


def _show(report: "Report", notes: list[str], seconds: float) -> None:
    from osiris_cli import console
    from osiris_desk.backtest import rows

    out = console.standard()
    for note in notes:
        out.print(note)
    runs = 1 + len(report.control)
    out.print(
        f"policy {report.policy}, models: {report.models}; {', '.join(report.symbols)}, {len(report.time)} bars "
        f"from {report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}; {runs} runs in {seconds:.1f} s\n"
    )
    tables = [
        ("", ("", "desk", "buy and hold"), rows.measure_rows(report)),
        (rows.control_line(report), ("", "desk", "median", "lowest", "highest"), rows.control_rows(report)),
        ("Walk-forward", ("from", "to", "return", "Sharpe", "drawdown", "hold"), rows.stretch_rows(report)),
        ("Rejected by the gate", ("reason", "times"), rows.counted(report.rejected)),
        ("Refused by the venue", ("reason", "times"), rows.counted(report.refused)),
        ("Failed runs", ("reason", "times"), rows.counted(report.failed)),
    ]
    for title, head, body in tables:
        if body:
            if title:
                out.print(f"\n{title}")
            out.print(console.table(head, body, numbers=head[1:]))
    if report.control_said:
        out.print(f"\nno control: {report.control_said}")
