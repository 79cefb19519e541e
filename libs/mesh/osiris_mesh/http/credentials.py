"""What a request says of who sends it, and who that is."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from osiris_contracts import ApiKey, api_key_digest
from osiris_mesh.http.limits import Reading

_SCHEME = b"bearer "


@dataclass(slots=True)
class Admission:
    """One request that was let in.

    Attributes:
        who: the digest of the key it came with; '' where none came. Never the key.
        key: what is known of the key; None where the door asks for none.
        readings: of its limits, as they are told in the answer.
        is_charged: whether the tokens of its first answer were there.
        turn: of its answers to be charged, one at a time.
    """

    who: str
    key: ApiKey | None = None
    readings: dict[str, Reading] = field(default_factory=dict)
    is_charged: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


def key_in(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key of `Authorization: Bearer …`, else of `X-API-Key: …`; empty where neither is there."""
    found = b""
    for name, value in headers:
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME:
            return value[len(_SCHEME) :].strip()
        if name == b"x-api-key" and not found:
            found = value.strip()
    return found


def digest_of(key: bytes) -> str:
    """What stands for `key` wherever it must be told from others; '' for none."""
    return api_key_digest(key) if key else ""
