"""What the desk and its venue keep from bar to bar: values of msgspec, whose copies cost a tenth of a contract's.

Messages between services are contracts, checked wherever they come in. These never leave their service, but as the
JSON that it saves; a value holds contracts, and numbers made of theirs.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from osiris_contracts import Contract


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An immutable value."""


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """A value that its only owner changes in place."""


S = TypeVar("S", bound=msgspec.Struct)

changed = msgspec.structs.replace
"""A copy of a value with some fields changed."""


def to_bytes(values: Sequence[msgspec.Struct]) -> bytes:
    """The values as MessagePack: equal values of plain fields, equal bytes."""
    return msgspec.msgpack.encode(values)


def to_json(value: msgspec.Struct) -> bytes:
    """The value as JSON."""
    return msgspec.json.encode(value, enc_hook=_from_contract)


def from_json(data: bytes | str, kind: type[S]) -> S:
    """The value that `to_json` wrote.

    Raises:
        ValueError: `data` is something else.
    """
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_to_contract)
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a saved {kind.__name__}: {error}") from error


def to_plain(value: msgspec.Struct) -> dict[str, Any]:
    """The value as what JSON is made of."""
    plain: dict[str, Any] = msgspec.to_builtins(value, str_keys=True, enc_hook=_from_contract)
    return plain


def from_plain(data: Any, kind: type[S]) -> S:
    """The value that `to_plain` made plain.

    Raises:
        ValueError: `data` is something else.
    """
    return msgspec.convert(data, kind, str_keys=True, dec_hook=_to_contract)


def _from_contract(contract: Any) -> Any:
    if not isinstance(contract, Contract):
        raise NotImplementedError(f"expected a value or a contract, was {type(contract).__name__}")
    return contract.model_dump(mode="json")


def _to_contract(kind: type[Any], fields: Any) -> Any:
    if not issubclass(kind, Contract):
        raise NotImplementedError(f"expected a value or a contract, was {kind.__name__}")
    return kind.model_validate(fields)
