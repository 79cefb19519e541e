"""Orders as they come in."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json

from osiris_contracts import Order


@dataclass(frozen=True, slots=True)
class InvalidOrder:
    """An order that breaks the contract, but says who it is."""

    order_id: UUID
    symbol: str
    reason: str


def read_order(data: bytes) -> Order | InvalidOrder:
    """Read one message of the order stream.

    Raises:
        ValueError: it is no JSON object with an `order_id`, so that nobody could be answered.
    """
    try:
        return Order.model_validate_json(data)
    except ValidationError as error:
        reason = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'order'}: {item['msg']}" for item in error.errors())
    fields = _json(data)
    if not isinstance(fields, dict):
        raise ValueError(f"expected an order as a JSON object, got {data[:80]!r}")
    try:
        order_id = UUID(str(fields.get("order_id")))
    except ValueError:
        raise ValueError(
            f"expected an order with a UUID as order_id, got {str(fields.get('order_id'))[:80]!r}"
        ) from None
    return InvalidOrder(order_id, str(fields.get("symbol", ""))[:64], f"not a valid order: {reason}"[:500])


def _json(data: bytes) -> Any:
    try:
        return from_json(data)
    except ValueError:
        return None
