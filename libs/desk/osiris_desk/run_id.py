"""Ids that follow from what they name: a run that is done again has the same id, and so have its requests."""

from collections.abc import Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import to_json

from osiris_contracts import MarketTick

_ROOT = uuid5(NAMESPACE_URL, "osiris:desk")


def first_link(policy_version: str, seed: int) -> UUID:
    """What the first run of a new book is chained to."""
    return uuid5(_ROOT, f"{policy_version}:{seed}")


def run_id(previous: UUID, bars: Sequence[MarketTick]) -> UUID:
    """The id of the run on `bars` that comes after `previous`."""
    return uuid5(previous, b"\n".join(map(to_json, bars)).decode())


def request_id(run: UUID, model: str) -> UUID:
    """The id of the run's request to `model`."""
    return uuid5(run, model)


def order_id(run: UUID) -> UUID:
    """The id of the run's order."""
    return uuid5(run, "order")


def sampling_seed(run: UUID) -> int:
    """The seed of the run's requests, 0 to 2**63 - 1."""
    return run.int % 2**63
