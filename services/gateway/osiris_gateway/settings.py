"""What the gateway can be told."""

import re

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import SettingsConfigDict

from osiris_mesh.http.settings import HttpSettings

_ORIGIN = re.compile(r"https?://[^\s/?#,*]+|null")


class GatewaySettings(HttpSettings):
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
