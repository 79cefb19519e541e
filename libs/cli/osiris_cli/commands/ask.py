"""`osiris ask` and `propose`: talk to a running desk through its gateway."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from osiris_cli.gateway import Gateway

    Body = TypeVar("Body", bound=BaseModel)

ASK_EXAMPLE = 'Example: osiris ask "What moves SPY today?" --model hermes'
PROPOSE_EXAMPLE = 'Example: osiris propose "Long 10 SPY at 470, now 465, stop 460. News: CPI below forecast."'

Prompt = Annotated[str, typer.Argument(help="What to say.", show_default=False)]
MaxLength = Annotated[int, typer.Option(min=1, max=4096, help="Tokens of the answer at most.")]


def ask(
    prompt: Prompt,
    model: Annotated[Literal["hermes", "phi3"], typer.Option(help="Who answers.")] = "hermes",
    max_length: MaxLength = 256,
    home: HomeOption = None,
) -> None:
    """Ask a model; the answer shows while it is written."""
    from osiris_contracts import Chunk, GenerateBody

    body = body_of(GenerateBody, prompt=prompt, model_id=model, max_length=max_length)
    streamed = False
    for reply in gateway_of(home).generate(body):
        if isinstance(reply, Chunk):
            streamed = True
            typer.echo(reply.text, nl=False)
        elif not streamed:
            typer.echo(reply.text, nl=False)
    typer.echo()


def propose(prompt: Prompt, max_length: MaxLength = 256, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Ask for a trade proposal, and what the critic says of it."""
    from osiris_cli import console
    from osiris_cli.cycle_view import proposed_trade
    from osiris_contracts import ProposeBody

    answer = gateway_of(home).propose(body_of(ProposeBody, prompt=prompt, max_length=max_length))
    if as_json:
        typer.echo(answer.model_dump_json())
        return
    out = console.standard()
    console.show(out, proposed_trade(answer, console.text_width(out)))


def gateway_of(home: Path | None) -> "Gateway":
    """The gateway of the desk that runs in `home`, or the one the settings name."""
    from osiris_cli import run_file, settings
    from osiris_cli.gateway import Gateway

    found = settings.load(home=home)
    return Gateway(run_file.gateway_url(found), found.gateway_api_key)


def body_of(contract: "type[Body]", **fields: object) -> "Body":
    """A body the gateway accepts, refused here already when it would not."""
    from pydantic import ValidationError

    try:
        return contract.model_validate(fields)
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, each['loc'])) or 'input'}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        )
        raise CliError("; ".join(problems)) from None
