"""What every HTTP door can be told."""

from pydantic import Field, SecretStr

from osiris_mesh.bounded_http import HttpLimits
from osiris_mesh.http.neighbours import is_loopback
from osiris_mesh.settings import MeshSettings


class HttpSettings(MeshSettings):
    """Settings of a service whose front is HTTP; it listens on `probe_host` and `probe_port`."""

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
        """Whether only this machine reaches the service."""
        return is_loopback(self.probe_host)
