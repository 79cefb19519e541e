"""Ids that follow from what they name: a run that is done again has the same id, and so have its requests."""

from collections.abc import Sequence
from hashlib import sha1
from uuid import NAMESPACE_URL, UUID

from osiris_desk.tick import Tick
from osiris_desk.values import to_bytes


def _uuid5(space: UUID, name: bytes) -> UUID:
    """`uuid.uuid5`, of bytes, and without its import of hashlib at every call."""
    hashed = sha1(space.bytes + name, usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(hashed[:16], "big"), version=5)


_ROOT = _uuid5(NAMESPACE_URL, b"osiris:desk")


def first_link(policy_version: str, seed: int) -> UUID:
    """What the first run of a new book is chained to."""
    return _uuid5(_ROOT, f"{policy_version}:{seed}".encode())


def run_id(previous: UUID, bars: Sequence[Tick]) -> UUID:
    """The id of the run on `bars` that comes after `previous`."""
    return _uuid5(previous, to_bytes(bars))


def request_id(run: UUID, model: str) -> UUID:
    """The id of the run's request to `model`."""
    return _uuid5(run, model.encode())


def order_id(run: UUID) -> UUID:
    """The id of the run's order."""
    return _uuid5(run, b"order")


def sampling_seed(run: UUID) -> int:
    """The seed of the run's requests, 0 to 2**63 - 1."""
    return run.int % 2**63
