"""Calls with a key: made once within a day, whichever gateway they come to (draft-ietf-httpapi-idempotency-key)."""

from dataclasses import dataclass
from uuid import UUID

from osiris_mesh import Bus, new_uuid, scripts

SECONDS = 86_400


class KeyReused(Exception):
    """A key that came before with another request."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The record of a key: what was asked first, and the run it belongs to."""

    record: str
    fingerprint: str
    run: UUID

    @property
    def value(self) -> str:
        """As it lies in Redis."""
        return f"{self.fingerprint} {self.run}"


class Idempotency:
    """Keeps the records of keys in Redis, so that all gateways know them and a restart forgets none."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def remember(self, *, key: str, fingerprint: str) -> Remembered:
        """The record of `key`: a new one, or that of whoever came first.

        Raises:
            KeyReused: it came first with another fingerprint.
        """
        record = f"idempotency:{key}"
        while True:
            new = Remembered(record, fingerprint, new_uuid())
            if await self._bus.redis.set(record, new.value, nx=True, ex=SECONDS):
                return new
            if stored := await self._bus.redis.get(record):  # else it ended this very moment
                first, run = stored.decode().split()
                if first != fingerprint:
                    raise KeyReused(
                        "expected the same body as when this Idempotency-Key first came; use a new key for a new call"
                    )
                return Remembered(record, fingerprint, UUID(run))

    async def forget(self, remembered: Remembered) -> None:
        """Let the next call with the key be made anew, because this one failed in a way that may pass."""
        await scripts.run(self._bus.writer, scripts.RELEASE, [remembered.record], [remembered.value])
