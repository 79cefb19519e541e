"""The API keys of the desk, in Redis, so that all gateways know the same ones."""

import uuid
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from osiris_contracts import ApiKey
from osiris_mesh.connection import Client

KEYS = "gateway:keys"
VERSION = "gateway:keys:version"
_OPEN = b"open"

_ADD = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[3]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""
_REVOKE = """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys at one moment.

    Attributes:
        version: another one after every change; None where no key was ever made.
        keys: those there are, expired ones too.
    """

    version: bytes | None
    keys: tuple[ApiKey, ...]

    @property
    def asks(self) -> bool:
        """Whether keys are asked for: from the first on, also when the last is revoked, until the door is opened."""
        return bool(self.keys) or self.version not in (None, _OPEN)


class KeyRing:
    """Adds, lists and revokes keys. Every change shows in `version`, which is cheap to look at often."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis

    async def version(self) -> bytes | None:
        """Of the keys as they are now."""
        version: bytes | None = await self._redis.get(VERSION)
        return version

    async def read(self) -> Ring:
        """All keys; a record that cannot be read lets nobody in, and is told in the log."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.get(VERSION).hgetall(KEYS)
        version, records = await pipeline.execute()
        found = (_read(name, record) for name, record in records.items())
        keys = sorted((key for key in found if key is not None), key=lambda key: key.created_at)
        return Ring(version, tuple(keys))

    async def add(self, key: ApiKey) -> bool:
        """Keep `key`; False, and nothing changes, when there is one of its name."""
        return bool(await self._redis.eval(_ADD, 2, KEYS, VERSION, key.name, _new_version(), key.model_dump_json()))

    async def revoke(self, name: str) -> bool:
        """Forget the key `name`, so that it lets nobody in any more; False, and nothing changes, when there is none."""
        return bool(await self._redis.eval(_REVOKE, 2, KEYS, VERSION, name, _new_version()))

    async def open(self) -> None:
        """Forget every key, and that there ever was one: gateways on loopback ask for none any more."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(KEYS).set(VERSION, _OPEN)
        await pipeline.execute()


def _new_version() -> str:
    return uuid.uuid4().hex


def _read(name: bytes, record: bytes) -> ApiKey | None:
    try:
        return ApiKey.model_validate_json(record)
    except ValidationError:
        _log.error("a record of a key cannot be read", name=name.decode(errors="backslashreplace"))
        return None
