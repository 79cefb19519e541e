"""Calls with a key: made once within a day, whichever gateway they come to (draft-ietf-httpapi-idempotency-key)."""

from dataclasses import dataclass
from types import TracebackType
from uuid import UUID

from osiris_contracts import ErrorCode
from osiris_mesh import Bus, Refused, new_uuid, scripts

SECONDS = 86_400
_MAY_PASS: frozenset[ErrorCode] = frozenset(
    {"queue_full", "internal", "model_not_loaded", "cancelled", "deadline_exceeded"}
)


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

    def answering(self, remembered: Remembered | None) -> "_Answering":
        """The block answers the call of the record, if it has one: refused in a way that may pass, it is forgotten."""
        return _Answering(self, remembered)

    async def forget(self, remembered: Remembered) -> None:
        """Let the next call with the key be made anew, because this one failed in a way that may pass."""
        await scripts.run(self._bus.writer, scripts.RELEASE, [remembered.record], [remembered.value])


class _Answering:
    """Forgets the record where it has to; no generator, since every call passes here and few have a key."""

    def __init__(self, idempotency: Idempotency, remembered: Remembered | None) -> None:
        self._idempotency = idempotency
        self._remembered = remembered

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._remembered and isinstance(error, Refused) and error.code in _MAY_PASS:
            await self._idempotency.forget(self._remembered)
