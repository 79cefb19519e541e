"""`osiris dgm`: what the kernel that improves the policy has tried, and taking a promotion back."""

import os
import subprocess
import sys

import typer

from osiris_cli.commands.options import HomeOption

EXAMPLE = "Example: osiris dgm tree   Every version that was tried, and who came from whom."

dgm = typer.Typer(help="The kernel that improves the policy.", no_args_is_help=True, add_completion=False)


@dgm.command(epilog=EXAMPLE)
def tree(home: HomeOption = None) -> None:
    """Show every version that was tried, below the one it was made from."""
    _kernel("--tree", home)


@dgm.command(epilog="Example: osiris dgm rollback")
def rollback(home: HomeOption = None) -> None:
    """Let the policy decide that did before, and end the trial that is under way; a running desk follows."""
    _kernel("--rollback", home)


def _kernel(what: str, home: HomeOption) -> None:
    """The kernel is a service, which this command does not import."""
    from osiris_cli import desk, run_file, settings

    found = settings.load(home=home)
    running = run_file.running(found.home)
    url = found.redis_url or (running.redis_url if running else "redis://127.0.0.1:6379/0")
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "osiris_dgm", what], env={**os.environ, **desk.environment(found, url)}, check=False
    )
    if done.returncode:
        raise typer.Exit(done.returncode)
