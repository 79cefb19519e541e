"""Who may come through the HTTP door: API keys, as they lie in Redis."""

import hashlib
import secrets
from datetime import datetime
from typing import Literal

from pydantic import Field

from osiris_contracts._base import Contract, UtcTime

KeyScope = Literal["generate", "feedback", "admin"]
"""What a key may do: ask the models, give feedback on proposals, or everything."""

KEY_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_PREFIX = "osiris_"  # so that a scanner of repositories, or a person, knows one when it sees it
_RANDOM_BYTES = 32


class ApiKey(Contract):
    """What is known of a key. The key itself is shown once, when it is made, and kept nowhere."""

    name: str = Field(pattern=KEY_NAME_PATTERN, description="What its owner calls it: 1 to 64 of A-Z, a-z, 0-9, . _ -")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False, description="SHA-256 of the key, hexadecimal.")
    scopes: tuple[KeyScope, ...] = Field(min_length=1, description="What it may do; admin may do everything.")
    created_at: UtcTime = Field(description="When it was made, UTC.")
    expires_at: UtcTime | None = Field(default=None, description="When it ends, UTC; null: never.")
    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Requests a minute at most; null: as the gateway's settings say.",
    )
    tokens_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="Tokens of prompts and answers a minute at most; null: as the gateway's settings say.",
    )

    def permits(self, scope: KeyScope) -> bool:
        """Whether it may do what asks for `scope`."""
        return scope in self.scopes or "admin" in self.scopes

    def is_expired(self, now: datetime) -> bool:
        """Whether it has ended by `now`, an aware moment."""
        return self.expires_at is not None and self.expires_at <= now


def new_api_key() -> str:
    """A key that nobody can guess: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def api_key_digest(key: bytes) -> str:
    """How a key is kept: its SHA-256, hexadecimal.

    Slow hashes and salts (argon2, bcrypt) defend secrets that people think up, of which there are few enough to try
    them all. A key has 256 random bits: nobody tries 2^256 of them however fast the hash, no table holds them, and no
    two are alike. So the fast hash is as safe, and takes a microsecond of every request instead of a tenth of a second.
    """
    return hashlib.sha256(key).hexdigest()
