"""The keys that open this door: those in Redis, followed as they change, and the one of the settings."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from pydantic import SecretStr
from redis.exceptions import RedisError

from osiris_contracts import ApiKey, api_key_digest
from osiris_mesh import Misconfigured
from osiris_mesh.key_ring import KeyRing

REFRESH_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class Keys:
    """What was last read of the keys, at most REFRESH_SECONDS ago; looking one up asks nobody.

    Args:
        bootstrap: a key with every scope.
        prefix: of the service's variables, for what is said of them.
        host: where the service listens.
        is_loopback: whether only this machine reaches it there.
        now: the server's clock, UTC.
    """

    def __init__(
        self,
        ring: KeyRing,
        bootstrap: SecretStr | None,
        *,
        prefix: str,
        host: str,
        is_loopback: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._ring = ring
        self._now = now
        self._host = host
        self._prefix = prefix
        self._own = () if bootstrap is None else (_bootstrap_key(f"{prefix}API_KEY", bootstrap),)
        self._always = bootstrap is not None or not is_loopback
        self._version: bytes | None = None
        self._is_read = False
        self._by_digest: dict[str, ApiKey] = {}
        self.are_asked = True

    def find(self, digest: str) -> ApiKey | None:
        """The key with `digest`, if it is good now."""
        key = self._by_digest.get(digest)
        return None if key is None or (key.expires_at and key.is_expired(self._now())) else key

    async def refresh(self) -> None:
        """Read the keys, where they changed."""
        if self._is_read and await self._ring.version() == self._version:
            return
        ring = await self._ring.read()
        lost = self._is_read and ring.version is None
        if lost:
            _log.warning("the keys are gone from Redis; nobody gets in with one until new ones are added")
        self._by_digest = {key.digest: key for key in (*ring.keys, *self._own)}
        # a Redis that lost everything must not open a door that was closed
        self.are_asked = self._always or ring.asks or (lost and self.are_asked)
        self._version, self._is_read = ring.version, True

    async def keep_refreshing(self) -> None:
        """Read them again and again, for ever."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except (RedisError, OSError) as error:
                _log.warning("keys not read, trying again", error=str(error))

    async def require(self) -> None:
        """Read them before the door opens.

        Raises:
            Misconfigured: it would stand open beyond this machine with no key at all.
        """
        await self.refresh()
        if self._always and not self._by_digest:
            raise Misconfigured(
                f"expected a key with {self._prefix}HOST={self._host}: an address beyond loopback needs one; make one "
                f"with `osiris keys add NAME`, set {self._prefix}API_KEY, or listen on 127.0.0.1"
            )


def _bootstrap_key(name: str, secret: SecretStr) -> ApiKey:
    return ApiKey(
        name=name,
        digest=api_key_digest(secret.get_secret_value().encode()),
        scopes=("admin",),
        created_at=datetime.fromtimestamp(0, UTC),
    )
