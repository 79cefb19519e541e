"""`osiris speak`: have a text spoken by a running desk."""

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from osiris_cli.commands.options import HomeOption
from osiris_cli.errors import CliError

EXAMPLE = 'Example: osiris speak "EURUSD fell 0.4 % on 2 h of heavy volume." --out speech.wav'

PLAYERS = (
    ("pw-play", "-"),
    ("paplay",),
    ("aplay", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"),
)
"""Programs that play a WAV file from standard input."""


def speak(
    text: Annotated[str, typer.Argument(help="What to say.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="WAV file to write, instead of playing it.", show_default=False)
    ] = None,
    voice: Annotated[str | None, typer.Option(help="A voice of the engine.", show_default="its own")] = None,
    speed: Annotated[float, typer.Option(min=0.5, max=2, help="1 is the voice's own pace.")] = 1.0,
    home: HomeOption = None,
) -> None:
    """Have the desk say something: here, where a player is installed, and on every open console."""
    from osiris_cli.commands.ask import body_of, gateway_of
    from osiris_contracts import SpeakBody, wav

    file = gateway_of(home).speak(body_of(SpeakBody, text=text, voice=voice, speed=speed))
    seconds = f"{wav.read(file).seconds:.1f} s"
    if out is not None:
        out.write_bytes(file)
        typer.echo(f"{out}: {seconds}")
    elif not _play(file):
        players = ", ".join(name for name, *_ in PLAYERS)
        typer.echo(f"{seconds} spoken; to hear it here, install one of {players}, or keep it with --out")


def _play(file: bytes) -> bool:
    """Play `file` with the first player there is; False when there is none."""
    for name, *arguments in PLAYERS:
        if path := shutil.which(name):
            try:
                subprocess.run([path, *arguments], input=file, check=True, capture_output=True)  # noqa: S603  # one of PLAYERS
            except subprocess.CalledProcessError as error:
                said = error.stderr.decode(errors="replace").strip().splitlines() or ["it did not say why"]
                raise CliError(f"{name} cannot play it: {said[-1]}; keep it with --out", 1) from None
            return True
    return False
