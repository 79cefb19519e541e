"""`run.json`: how the other commands find the desk that runs in a home."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from osiris_cli.errors import CliError
from osiris_cli.file_lock import is_locked
from osiris_cli.settings import CliSettings

NAME = "run.json"
LOCK = "desk.lock"


class RunFile(BaseModel):
    """A running desk."""

    model_config = ConfigDict(frozen=True)

    pid: int = Field(description="The supervisor.")
    redis_url: str = Field(description="Its Redis.")
    gateway_url: str = Field(description="Its gateway.")
    started_at: datetime = Field(description="When it started, UTC.")
    services: dict[str, int] = Field(description="Pid of every service that runs now.")

    def write(self, home: Path) -> None:
        """Put it where the other commands look, whole or not at all, for its owner's eyes: URLs hold passwords."""
        path = home / NAME
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(path)


def remove(home: Path) -> None:
    """Say that no desk runs in `home` any more."""
    (home / NAME).unlink(missing_ok=True)


def running(home: Path) -> RunFile | None:
    """The desk that runs in `home`, or None. A file left behind by a killed one does not count."""
    if not is_locked(home / LOCK):
        return None
    try:
        return RunFile.model_validate_json((home / NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def redis_url(settings: CliSettings) -> str:
    """The Redis to talk to: the one that was set, else that of the desk (or demo) running in the home.

    Raises:
        CliError: there is none.
    """
    return settings.redis_url or _found(settings, "OSIRIS_REDIS_URL").redis_url


def redis_url_if_any(settings: CliSettings) -> str | None:
    """The same, or None when there is none."""
    if settings.redis_url is not None:
        return settings.redis_url
    desk = _running(settings)
    return None if desk is None else desk.redis_url


def gateway_url(settings: CliSettings) -> str:
    """The gateway to talk to, found as `redis_url` is. Raises as it does."""
    return settings.gateway_url or _found(settings, "OSIRIS_GATEWAY_URL").gateway_url


def _found(settings: CliSettings, variable: str) -> RunFile:
    desk = _running(settings)
    if desk is None:
        raise CliError(f"no desk is running in {settings.home}; start one with: osiris up (or set {variable})", 1)
    return desk


def _running(settings: CliSettings) -> RunFile | None:
    return running(settings.home) or running(settings.demo.home)
