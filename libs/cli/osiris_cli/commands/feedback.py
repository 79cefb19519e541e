"""`osiris feedback`: say what was right or wrong about a proposal, and see what was said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from uuid import UUID

import typer

from osiris_cli.commands.options import HomeOption, JsonOption
from osiris_cli.errors import CliError

if TYPE_CHECKING:
    from osiris_cli.records import Records

    Result = TypeVar("Result")

EXAMPLE = "Example: osiris feedback list --days-back 7"
SUBMIT_EXAMPLE = (
    "Example: osiris feedback submit 0190c6e2-7c1a-7b6e-8f00-000000000001 --type rating --content up   "
    "For a correction give the proposal as it should have been: --type correction --corrected proposal.json"
)
LIST_EXAMPLE = "Example: osiris feedback list --days-back 7 --type correction"
SHOW_EXAMPLE = "Example: osiris feedback show 0190c6e2-7c1a-7b6e-8f00-000000000001"
EXPORT_EXAMPLE = "Example: osiris feedback export --type correction --out corrections.jsonl"

DaysBack = Annotated[
    float | None, typer.Option("--days-back", min=0, help="Of the last so many days; else all.", show_default=False)
]
SchemaVersion = Annotated[
    str | None,
    typer.Option("--schema-version", help="Stored under this version, such as 1.1; else all.", show_default=False),
]
Kind = Annotated[
    Literal["correction", "rating", "qualitative_comment", "outcome"] | None,
    typer.Option("--type", help="Of this kind; else all.", show_default=False),
]

feedback = typer.Typer(
    help="Correct, rate or comment on proposals, and see what was said of them.", no_args_is_help=True
)


@feedback.command(epilog=SUBMIT_EXAMPLE)
def submit(
    transaction_id: Annotated[UUID, typer.Argument(help="The proposal it is about.", show_default=False)],
    type: Annotated[
        Literal["correction", "rating", "qualitative_comment"],
        typer.Option("--type", help="What kind of feedback.", show_default=False),
    ],
    content: Annotated[
        str,
        typer.Option(
            "--content", help="Of a rating -1 to 1, up or down; else a comment or any JSON.", show_default=False
        ),
    ] = "",
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", help="JSON file: the proposal as it should have been.", show_default=False),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Say what was right or wrong about a proposal; the desk learns from it."""
    from osiris_cli.commands.ask import body_of, gateway_of
    from osiris_contracts import FeedbackSubmission

    body = body_of(
        FeedbackSubmission,
        transaction_id=transaction_id,
        feedback_type=type,
        feedback_content=_json_or_text(content),
        corrected_proposal=None if corrected is None else _json_file(corrected),
    )
    typer.echo(gateway_of(home).feedback(body).message)


@feedback.command("list", epilog=LIST_EXAMPLE)
def list_(
    days_back: DaysBack = None,
    schema_version: SchemaVersion = None,
    kind: Kind = None,
    *,
    count: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List what the owner and the market said of proposals, newest first."""
    from osiris_cli import console

    found = _with_records(home, lambda records: records.find(days_back, schema_version, kind))[:count]
    if as_json:
        for each in found:
            typer.echo(_json(each.facts))
    elif not found:
        typer.echo("no feedback (that fits)")
    else:
        columns = ("when (UTC)", "type", "about", "what")
        rows = [(f"{each.when:%Y-%m-%d %H:%M}", each.kind, each.transaction_id, each.summary) for each in found]
        console.standard().print(console.table(columns, rows, whole=("about",)))


@feedback.command(epilog=SHOW_EXAMPLE)
def show(
    id: Annotated[
        UUID, typer.Argument(metavar="ID", help="Of a feedback, or of the proposal it is about.", show_default=False)
    ],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a proposal with its critique, and all that was said of it."""
    found = _with_records(home, lambda records: records.about(str(id)))
    if not found:
        raise CliError(f"expected the id of a feedback or a proposal, {id} is neither; see: osiris feedback list")
    if as_json:
        typer.echo(_json({name: [each.facts for each in records] for name, records in found.items()}))
        return
    for name, records in found.items():
        for each in records:
            typer.echo(name)
            for field, value in each.facts.items():
                typer.echo(f"  {field:<20} {value if isinstance(value, str) else _json(value)}")


@feedback.command(epilog=EXPORT_EXAMPLE)
def export(
    days_back: DaysBack = None,
    schema_version: SchemaVersion = None,
    kind: Kind = None,
    out: Annotated[Path | None, typer.Option("--out", help="A file; else standard output.", show_default=False)] = None,
    home: HomeOption = None,
) -> None:
    """Write feedback as JSON lines, oldest first, as in phi3_feedback_data.jsonl."""
    found = _with_records(home, lambda records: records.find(days_back, schema_version, kind))
    lines = [_json(each.facts) for each in reversed(found)]
    if out is None:
        for line in lines:
            typer.echo(line)
        return
    try:
        out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise CliError(f"expected a file to write, cannot write {out}: {error.strerror}") from None
    typer.echo(f"{len(lines)} lines in {out}")


def _with_records(home: Path | None, look: "Callable[[Records], Result]") -> "Result":
    """What the tables have; the trainer need not run."""
    from osiris_cli import settings
    from osiris_cli.records import Records

    return look(Records.read(settings.load(home=home).tables))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


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
