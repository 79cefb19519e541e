"""What the command can be told through the environment or a `.env` file. The services have settings of their own."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from osiris_cli.errors import CliError
from osiris_cli.network import without_password

LOGS = "logs"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def _python(path: Path) -> Path:
    return path.expanduser().absolute()  # not resolved: an environment's python is a link out of it


def _redis_url(url: str) -> str:
    if not url.startswith(REDIS_SCHEMES):
        shown = without_password(url)
        raise ValueError(f"expected a URL that starts with {', '.join(REDIS_SCHEMES)}, was '{shown}'")
    from osiris_mesh.sentinel import SentinelUrl  # the mesh costs a second that a command without Redis need not wait

    if SentinelUrl.read(url) is not None:
        return url
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError(
            "expected a port after the host, what is there is none; in a password / is written %2F, # %23, ? %3F, @ %40"
        ) from None
    return url


class CliSettings(BaseSettings):
    """Settings of the `osiris` command, prefix `OSIRIS_`."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_", env_file=".env", env_ignore_empty=True, extra="ignore")

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default=Path(".osiris"), description="Folder under which everything the desk writes lies."
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(
        default=None, description="Redis or Valkey, 6.2 or newer; unset: the desk starts one of its own."
    )
    models: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="Folder of the models; unset: `models` under the home."
    )
    tables_folder: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None,
        validation_alias=AliasChoices("OSIRIS_TABLES"),
        description="Folder of the LanceDB tables; unset: `data/lancedb` under the home.",
    )
    gateway_host: str = Field(default="127.0.0.1", min_length=1, description="Address on which the gateway listens.")
    gateway_port: int = Field(default=8000, ge=1, le=65535, description="Port on which the gateway listens.")
    azr_planner_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address on which the planner listens; beyond loopback with keys.",
    )
    azr_planner_port: int | None = Field(
        default=None, ge=0, le=65535, description="Port on which it listens; unset: the one after the gateway's."
    )
    gateway_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="The gateway that ask, propose, … talk to; unset: that of the desk running in the home.",
    )
    gateway_api_key: SecretStr | None = Field(
        default=None,
        description="Key that ask, propose and feedback send; the gateway takes it as its first, with every scope.",
    )

    sim_speed: str | None = Field(
        default=None, description="How fast the desk's bars come: Nx for N a second, or max; unset: 1x, demo 10x."
    )
    sim_delay: float | None = Field(default=None, ge=0, description="Seconds a bar, in place of a speed.")
    sim_loop: bool = Field(default=True, description="Whether `osiris up` begins its bars again after the last.")
    night_python: Annotated[Path, AfterValidator(_python)] = Field(
        default=Path(".venv-night/bin/python"),
        validate_default=True,
        description="Python of the environment in which `osiris up --nightly` runs the night.",
    )
    speech: bool = Field(default=True, description="Whether the desk speaks: tts runs, and assessments are spoken.")
    watchdog: bool = Field(default=True, description="Whether `osiris up` restarts services that grow too large.")

    planner: bool = Field(default=True, description="Whether `osiris up` runs the planner.")
    dgm: bool = Field(default=False, description="Whether `osiris up` runs the kernel that improves the policy.")

    @property
    def planner_port(self) -> int:
        """Where the planner listens; 0: any free port, told in its presence."""
        return (self.gateway_port + 1) % 65536 if self.azr_planner_port is None else self.azr_planner_port

    @property
    def models_folder(self) -> Path:
        """Where the models lie."""
        return self.models or self.home / "models"

    @property
    def policies(self) -> Path:
        """Where the versions of the policy lie."""
        return self.home / "policies"

    @property
    def policy_key(self) -> Path:
        """The public key that policies must be signed for."""
        return self.home / "keys" / "policy.pub"

    @property
    def tables(self) -> Path:
        """Where the trainer's and the desk's tables lie."""
        return self.tables_folder or self.home / "data" / "lancedb"

    @property
    def logs(self) -> Path:
        """Where the services' output goes."""
        return self.home / LOGS

    @property
    def demo(self) -> "CliSettings":
        """The same settings for `osiris demo`: a home of its own, and nobody beside the desk and its voice."""
        own = {"home": self.home / "demo", "models": self.models_folder, "tables_folder": None}
        return self.model_copy(update={**own, "planner": False, "watchdog": False, "dgm": False})


def load(**given: object) -> CliSettings:
    """Read the settings; an option `given` on the command line (and not None) goes before the environment.

    Raises:
        CliError: a value is not what its field expects.
    """
    try:
        return CliSettings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"OSIRIS_{'_'.join(str(part) for part in first['loc'][:1])}".upper()
        was = "" if first["type"] == "value_error" else f" (was {first['input']!r})"  # ours say it, without a password
        raise CliError(f"{variable}: {first['msg'].removeprefix('Value error, ')}{was}") from None
