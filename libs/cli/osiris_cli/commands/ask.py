"""`osiris ask`, `propose` and `feedback`: talk to a running desk through its gateway."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from uuid import UUID

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from osiris_cli.gateway import Gateway

    Body = TypeVar("Body", bound=BaseModel)

ASK_EXAMPLE = 'Example: osiris ask "What moves SPY today?" --model hermes'
PROPOSE_EXAMPLE = 'Example: osiris propose "Long 10 SPY at 470, now 465, stop 460. News: CPI below forecast."'
FEEDBACK_EXAMPLE = (
    "Example: osiris feedback 0190c6e2-7c1a-7b6e-8f00-000000000001 --type rating --content 2   "
    "For a correction give the proposal as it should have been: --type correction --corrected proposal.json"
)

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

    body = _body(GenerateBody, prompt=prompt, model_id=model, max_length=max_length)
    streamed = False
    for reply in _gateway(home).generate(body):
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

    answer = _gateway(home).propose(_body(ProposeBody, prompt=prompt, max_length=max_length))
    if as_json:
        typer.echo(answer.model_dump_json())
        return
    out = console.standard()
    console.show(out, proposed_trade(answer, console.text_width(out)))


def feedback(
    transaction_id: Annotated[UUID, typer.Argument(help="The proposal it is about.", show_default=False)],
    type: Annotated[
        Literal["correction", "rating", "qualitative_comment"],
        typer.Option("--type", help="What kind of feedback.", show_default=False),
    ],
    content: Annotated[
        str, typer.Option("--content", help="A comment, a number, or any JSON.", show_default=False)
    ] = "",
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", help="JSON file: the proposal as it should have been.", show_default=False),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Say what was right or wrong about a proposal; the desk learns from it."""
    from osiris_contracts import FeedbackSubmission

    body = _body(
        FeedbackSubmission,
        transaction_id=transaction_id,
        feedback_type=type,
        feedback_content=_json_or_text(content),
        corrected_proposal=None if corrected is None else _json_file(corrected),
    )
    typer.echo(_gateway(home).feedback(body).message)


def _gateway(home: Path | None) -> "Gateway":
    from osiris_cli import run_file, settings
    from osiris_cli.gateway import Gateway

    found = settings.load(home=home)
    return Gateway(run_file.gateway_url(found), found.gateway_api_key)


def _body(contract: "type[Body]", **fields: object) -> "Body":
    """A body the gateway accepts, refused here already when it would not."""
    from pydantic import ValidationError

    try:
        return contract.model_validate(fields)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc'])) or 'input'}: {each['msg']}" for each in error.errors())
        raise CliError("; ".join(problems)) from None


def _json_or_text(content: str) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _json_file(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CliError(f"expected a JSON file, cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise CliError(f"expected JSON in {path}, was not: {error}") from None
