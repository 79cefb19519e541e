"""`make chaos`: numbered work against a seeded nemesis, and an oracle over what came of it."""

import asyncio
import random
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from tests.chaos.history.history import read
from tests.chaos.history.oracle import Verdict, judge
from tests.chaos.history.outcome import Outcome
from tests.chaos.history.run import Plan, run
from tests.chaos.history.schedule import Fsync

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def chaos(
    seed: Annotated[int | None, typer.Option(help="Of the nemesis and the clients; any, and told, by default.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=120, help="How long the nemesis is loose.")] = 1.0,
    kills: Annotated[
        float, typer.Option(min=1, max=60, help="kill -9s a minute; other deeds come in proportion.")
    ] = 20,
    fsync: Annotated[
        Fsync, typer.Option(help="Redis' appendfsync. With everysec power is cut and Redis flushed, too.")
    ] = "everysec",
    folder: Annotated[
        Path, typer.Option(help="Where a run's history, logs and data go; what kept its promises is removed.")
    ] = Path(".osiris/chaos"),
    keep: Annotated[bool, typer.Option(help="Keep the folder of a run that kept its promises, too.")] = False,
    replay: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Judge a saved history.jsonl again; runs nothing.")
    ] = None,
) -> None:
    """Kill, stop, cut off, slow down and poison a whole desk while clients work, and check every promise afterwards.

    Lost, doubled, reordered or invented work ends it with exit code 1; its history is kept, and the same seed plays the
    same schedule again. The models are fakes that answer at once; all else is real. See docs/reliability.md.
    """
    if replay is not None:
        sys.exit(_say(judge_file(replay), replay))
    number = random.SystemRandom().randrange(10**6) if seed is None else seed
    place = folder / f"seed-{number}"
    shutil.rmtree(place, ignore_errors=True)
    print(f"seed {number}, {minutes:g} min, appendfsync {fsync}; history in {place}/history.jsonl", flush=True)
    plan = Plan(number, minutes, kills, fsync)
    history = asyncio.run(run(plan, place.absolute(), lambda line: print(line, flush=True)))
    code = _say(judge_file(history), history)
    if code == 0 and not keep:
        shutil.rmtree(place)
    sys.exit(code)


def judge_file(path: Path) -> Verdict:
    """What the oracle says of a saved history."""
    events = list(read(path))
    found = next((event.facts["outcome"] for event in reversed(events) if event.kind == "final"), None)
    if found is None:
        sys.exit(f"expected a history with an outcome at its end, {path} has none: the run was cut short")
    return judge(events, Outcome.model_validate(found))


def _say(verdict: Verdict, history: Path) -> int:
    for name, count in verdict.counts.items():
        print(f"  {name:<22} {count:>8,}")
    if not verdict.violations:
        print("every promise was kept: lost 0, doubled 0, order kept, nothing invented")
        return 0
    for violation in verdict.violations[:40]:
        print(f"  {violation}")
    print(f"{len(verdict.violations)} promises broken; judge again with --replay {history}")
    return 1


if __name__ == "__main__":
    cli(prog_name="python -m tests.chaos.history")
