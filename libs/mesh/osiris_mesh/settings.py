"""What every service of the mesh can be told. A service adds its own fields and its own prefix."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from osiris_mesh.sentinel import SentinelUrl


def shared(name: str) -> AliasChoices:
    """The variable `OSIRIS_<name>`, the same for every service, whatever its prefix."""
    return AliasChoices(f"OSIRIS_{name}", name.lower())


def _redis_url(url: str) -> str:
    """Refuse what redis-py cannot read, without repeating it: it may hold a password."""
    if SentinelUrl.read(url) is not None:
        return url
    try:
        readable = urlsplit(url).scheme in ("redis", "rediss", "unix") and urlsplit(url).port != 0
    except ValueError:  # what should be a port is none
        readable = False
    if not readable:
        raise ValueError(
            "expected redis://USER:PASSWORD@HOST:PORT/0, rediss:// for TLS, or unix:///PATH; "
            "in a password / is written %2F, # %23, ? %3F and @ %40"
        )
    return url


class MeshSettings(BaseSettings):
    """Settings that all services share (`OSIRIS_…`), and the two that each has for itself (`OSIRIS_<SERVICE>_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_", env_file=".env", extra="ignore", populate_by_name=True)

    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=shared("REDIS_URL"),
        description="Redis or Valkey, 6.2 or newer: redis://user:password@host:port/0, rediss:// for TLS, "
        "unix:///path, redis+sentinel://user:password@host:port,host:port/master/0, rediss+sentinel:// for TLS.",
    )
    home: Path = Field(
        default=Path(".osiris"),
        validation_alias=shared("HOME"),
        description="Folder under which everything the desk writes lies.",
    )
    tables_folder: Path | None = Field(
        default=None,
        validation_alias=shared("TABLES"),
        description="Folder of the LanceDB tables; unset: `data/lancedb` under the home.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias=shared("LOG_LEVEL"), description="Least severe level that is logged."
    )
    log_format: Literal["console", "json"] = Field(
        default="json", validation_alias=shared("LOG_FORMAT"), description="console for people, json for machines."
    )
    lease_seconds: float = Field(
        default=15.0,
        gt=0.1,
        validation_alias=shared("LEASE_SECONDS"),
        description="Work of an instance that was silent this long is taken over, seconds.",
    )
    max_deliveries: int = Field(
        default=5,
        ge=1,
        validation_alias=shared("MAX_DELIVERIES"),
        description="Attempts before an entry goes to its dead-letter stream.",
    )
    drain_seconds: float = Field(
        default=20.0,
        ge=0,
        validation_alias=shared("DRAIN_SECONDS"),
        description="How long a stopping service finishes what it holds, seconds.",
    )
    effect_days: float = Field(
        default=1.0,
        gt=0,
        validation_alias=shared("EFFECT_DAYS"),
        description="How long a message id is remembered, so that its effect happens once, days.",
    )
    answers_kept: int = Field(
        default=10_000,
        ge=0,
        validation_alias=shared("ANSWERS_KEPT"),
        description="Answers a service keeps, the newest, to repeat them to whoever sends a message id again.",
    )
    stream_lengths: dict[str, int] = Field(
        default={},
        validation_alias=shared("STREAM_LENGTHS"),
        description='Entries behind every group that a stream keeps at most, as JSON: {"market.ticks": 200000}; '
        "others keep 50000, requests 10000.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+",
        validation_alias=shared("OTLP_ENDPOINT"),
        description="Collector of OpenTelemetry traces, OTLP over HTTP: http://host:4318; unset: no traces are made.",
    )
    trace_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        validation_alias=shared("TRACE_SHARE"),
        description="Share of the traces that are kept, 0 to 1.",
    )
    redis_patience_seconds: float = Field(
        default=60.0,
        gt=0,
        validation_alias=shared("REDIS_PATIENCE_SECONDS"),
        description="A service that Redis does not answer for so long ends with exit code 1, seconds.",
    )
    probe_host: str = Field(default="127.0.0.1", description="Address of /healthz, /readyz, /metrics and /asyncapi.")
    probe_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the probes; 0: any free one, told in the service's presence."
    )

    @property
    def data(self) -> Path:
        """Where tables and logs for the feedback loop lie."""
        return self.home / "data"

    @property
    def tables(self) -> Path:
        """Where the LanceDB tables lie."""
        return self.tables_folder or self.data / "lancedb"

    @property
    def policies(self) -> Path:
        """Where the versions of the policy lie."""
        return self.home / "policies"

    @property
    def policy_key(self) -> Path:
        """The public key that policies must be signed for; the private one lies beside it, without `.pub`."""
        return self.home / "keys" / "policy.pub"

    @property
    def assessment_log(self) -> Path:
        """Where the trainer logs critiques, a JSON line each."""
        return self.data / "phi3_feedback_log.jsonl"

    @property
    def feedback_log(self) -> Path:
        """Where the trainer logs feedback, a JSON line each."""
        return self.data / "phi3_feedback_data.jsonl"
