"""What the gateway can be told."""

import ipaddress
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings
from osiris_mesh.bounded_http import HttpLimits


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
        description="Key that callers send as `Authorization: Bearer …`, 16 characters or more; unset: none is asked.",
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

    @model_validator(mode="after")
    def _key_beyond_loopback(self) -> Self:
        if self.api_key is None and not _is_loopback(self.probe_host):
            raise ValueError(
                f"expected OSIRIS_GATEWAY_API_KEY with OSIRIS_GATEWAY_HOST={self.probe_host}: an address beyond "
                "loopback needs a key; set one, or listen on 127.0.0.1"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
