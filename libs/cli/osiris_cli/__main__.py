"""`osiris`, and `python -m osiris_cli`."""

import sys
import traceback
from collections.abc import Sequence

import typer

from osiris_cli.commands import (
    ask,
    backtest,
    control,
    dead,
    demo,
    dgm,
    doctor,
    feedback,
    keys,
    lag,
    lookahead,
    models,
    speak,
    tail,
    up,
)
from osiris_cli.errors import CliError

app = typer.Typer(
    help="Osiris: a private LLM trading desk on one machine.",
    epilog="Begin with: osiris doctor, then osiris demo.",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(epilog=up.EXAMPLE)(up.up)
app.command(epilog=demo.EXAMPLE)(demo.demo)
app.command(epilog=doctor.EXAMPLE)(doctor.doctor)
app.command(epilog=ask.ASK_EXAMPLE)(ask.ask)
app.command(epilog=ask.PROPOSE_EXAMPLE)(ask.propose)
app.add_typer(feedback.feedback, name="feedback", epilog=feedback.EXAMPLE)
app.command(epilog=speak.EXAMPLE)(speak.speak)
app.add_typer(dead.dead, name="dead", epilog=dead.EXAMPLE)
app.command(epilog=tail.EXAMPLE)(tail.tail)
app.command(epilog=lag.EXAMPLE)(lag.lag)
app.command(epilog=backtest.EXAMPLE)(backtest.backtest)
app.command(epilog=lookahead.EXAMPLE)(lookahead.lookahead)
app.add_typer(models.models, name="models", epilog=models.EXAMPLE)
app.command(epilog=control.EXAMPLE)(control.control)
app.add_typer(dgm.dgm, name="dgm", epilog=dgm.EXAMPLE)
app.add_typer(keys.keys, name="keys", epilog=keys.EXAMPLE)


@app.callback(invoke_without_command=True)
def osiris(context: typer.Context) -> None:
    """Osiris: a private LLM trading desk on one machine."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Whatever goes wrong is told in one line."""
    try:
        return app(arguments, prog_name="osiris", standalone_mode=False) or 0
    except CliError as error:
        return _say(str(error), error.exit_code)
    except typer.TyperException as error:
        return _say(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    from redis.exceptions import ConnectionError, RedisError, TimeoutError

    if isinstance(error, (ConnectionError, TimeoutError)):
        return _say(f"expected Redis to answer, it did not: {error}", 1)
    if isinstance(error, (OSError, RedisError)):
        return _say(str(error), 1)
    where = _keep_traceback()
    return _say(f"unexpected {type(error).__name__}: {error}; this is a bug, its traceback is in {where}", 1)


def _keep_traceback() -> str:
    from osiris_cli import settings

    log = settings.load().logs / "osiris.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return str(log)


def _say(message: str, exit_code: int) -> int:
    if message:  # `osiris dead` alone is an error whose help was shown already
        print(f"osiris: {message}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
