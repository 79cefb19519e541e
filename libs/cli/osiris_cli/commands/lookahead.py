"""`osiris lookahead`: whether a policy looks ahead."""

from typing import Annotated

import typer

from osiris_cli.commands.backtest import Files, First, Last, PolicyName, Symbols
from osiris_cli.commands.options import HomeOption

EXAMPLE = "Example: osiris lookahead spy_1h.csv --policy trend --cuts 20"


def lookahead(
    files: Files = None,
    *,
    symbol: Symbols = None,
    policy: PolicyName = None,
    first: First = None,
    last: Last = None,
    cuts: Annotated[int, typer.Option(min=1, max=10_000, help="How often the future is cut off.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the bars at which it is.")] = 0,
    home: HomeOption = None,
) -> None:
    """Run bars again with the future cut off at random ones; exit code 1 when a past decision changes."""
    from osiris_cli import settings, studies
    from osiris_cli.errors import CliError
    from osiris_desk.backtest.lookahead import look_for_peeks
    from osiris_desk.desk import TickRefused
    from osiris_desk.policy.store import PolicyStore

    found = settings.load(home=home)
    bars, said = studies.bars_of(files or [], symbol or [], first, last)
    chosen = studies.policy_of(policy, PolicyStore(found.policies, found.policy_key), bars, models=False)
    try:
        looked = look_for_peeks(lambda _: chosen.policy, bars, cuts=cuts, seed=seed)
    except (ValueError, TickRefused) as error:
        raise CliError(str(error)) from None
    for note in (*said, chosen.said):
        if note:
            typer.echo(note)
    if looked.peek is None:
        version = chosen.policy.version
        typer.echo(f"{version} does not look ahead: {looked.decisions} decisions stayed, over {looked.cuts} cuts")
        return
    cut, before, after = looked.peek
    raise CliError(
        f"{chosen.policy.version} looks ahead: run {before.sequence}, on the bar of {before.bars.last.isoformat()}, "
        f"was {before.status}; without the bars after {cut.isoformat()} it is "
        f"{after.status + ', with another order or size' if after else 'not made'}",
        1,
    )
