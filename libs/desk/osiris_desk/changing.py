"""Copies of contracts with some fields changed, for where a bar has 20 microseconds."""

from typing import Any, TypeVar

from osiris_contracts import Contract

T = TypeVar("T", bound=Contract)


def changed(contract: T, fields: dict[str, Any]) -> T:
    """`contract.model_copy(update=fields)` at half its cost: what is in `fields` is not checked either."""
    copy = contract.__class__.__new__(contract.__class__)
    put = object.__setattr__
    put(copy, "__dict__", {**contract.__dict__, **fields})
    put(copy, "__pydantic_fields_set__", contract.__pydantic_fields_set__)
    put(copy, "__pydantic_extra__", None)
    put(copy, "__pydantic_private__", None)
    return copy
