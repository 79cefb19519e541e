"""What the gateway can be told."""

import re

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from osiris_gateway.access.neighbours import is_loopback
from osiris_mesh import MeshSettings
from osiris_mesh.bounded_http import HttpLimits

_ORIGIN = re.compile(r"https?://[^\s/?#,*]+|null")


class GatewaySettings(MeshSettings):
    """Settings of the gateway (`OSIRIS_GATEWAY_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_GATEWAY_")

    # the probes of the gateway are on the port it serves
    probe_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        validation_alias=AliasChoices("OSIRIS_GATEWAY_HOST"),
        description="Address on which the gateway listens; one beyond loopback needs a key.",
    )
    probe_port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("OSIRIS_GATEWAY_PORT"),
        description="Port on which the gateway listens.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="A first key with every scope, 16 characters or more; others: `osiris keys add`. "
        "On loopback none is asked while there is none.",
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Requests a minute of a key that has no limit of its own; unset: any number."
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Tokens a minute of a key that has no limit of its own; unset: any number."
    )
    cors_origins: str = Field(
        default="",
        description="Pages of other origins that may call, such as https://desk.example,http://localhost:3000; "
        "null: those opened from disk; empty: none.",
    )
    timeout_seconds: float = Field(
        default=120.0, ge=1, le=3600, description="How long a caller waits for a model before 504, seconds."
    )
    queue_limit: int = Field(
        default=64, ge=1, description="Requests waiting for one model before the next gets 429 and Retry-After."
    )
    queue_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Seconds the oldest of them may have waited before the next gets 429.",
    )
    max_body_bytes: int = Field(default=1_048_576, ge=1024, description="Bytes of a body at most, else 413.")

    max_head_bytes: int = Field(
        default=32_768, ge=1024, description="Bytes of a request line with its headers at most, else 431."
    )
    max_headers: int = Field(default=100, ge=10, description="Headers of a request at most, else 431.")
    max_connections: int = Field(
        default=16_000, ge=1, description="Clients connected at once, streams included; the next gets 503."
    )
    head_seconds: float = Field(
        default=10.0, gt=0, description="How long the headers of a request may take to come before 408, seconds."
    )
    body_seconds: float = Field(
        default=30.0, gt=0, description="How long its body may take to come before 408, seconds."
    )
    stalled_seconds: float = Field(
        default=60.0, gt=0, description="How long a client may leave unread what it is sent before it is cut, seconds."
    )

    @property
    def http_limits(self) -> HttpLimits:
        """What one client may take."""
        return HttpLimits(
            head_seconds=self.head_seconds,
            body_seconds=self.body_seconds,
            stalled_seconds=self.stalled_seconds,
            head_bytes=self.max_head_bytes,
            headers=self.max_headers,
            body_bytes=self.max_body_bytes,
            connections=self.max_connections,
        )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the gateway."""
        return is_loopback(self.probe_host)

    @property
    def origins(self) -> tuple[str, ...]:
        """Of the pages that may call."""
        return tuple(filter(None, (origin.strip() for origin in self.cors_origins.split(","))))

    @field_validator("cors_origins")
    @classmethod
    def _only_origins(cls, value: str) -> str:
        for origin in filter(None, (part.strip() for part in value.split(","))):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("expected origins such as https://desk.example, with commas between, no path and no *")
        return value
