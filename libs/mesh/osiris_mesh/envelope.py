"""A stream entry: the contract as JSON in `data`, the CloudEvents attributes beside it as plain text fields.

Every attribute is optional for an outside publisher; unknown fields are kept out of the way.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import Any, cast, get_args

from pydantic import BaseModel

from osiris_contracts import Priority
from osiris_contracts.streams import DEFAULT_PRIORITY

Fields = dict[Any, str | bytes]


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of one entry, and its payload.

    Attributes:
        data: the contract as JSON, exactly as it came.
        id: message id; effects are deduplicated by it.
        type: name of the contract.
        source: who sent it.
        time: RFC 3339.
        correlationid: the run it belongs to.
        causationid: the message that caused it.
        replyto: the stream the answer goes to.
        deadline: unix milliseconds, past which the work is dropped.
        priority: interactive, desk or batch.
        traceparent: W3C trace context.
    """

    data: bytes
    id: str | None = None
    type: str | None = None
    source: str | None = None
    time: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    replyto: str | None = None
    deadline: int | None = None
    priority: Priority = DEFAULT_PRIORITY
    traceparent: str | None = None

    def to_fields(self) -> Fields:
        """The entry as it goes over the wire; what is unset is left out."""
        present: Fields = {"data": self.data}
        for name in _ATTRIBUTES:
            value = getattr(self, name)
            if value is not None and (name, value) != ("priority", DEFAULT_PRIORITY):
                present[name] = str(value)
        return present


_ATTRIBUTES = tuple(field.name for field in fields(Envelope) if field.name != "data")
_TEXT = frozenset(_ATTRIBUTES) - {"deadline", "priority"}


class MalformedEnvelope(ValueError):
    """An entry without a payload, or with an attribute that cannot be read."""


def parse(entry: dict[bytes, bytes]) -> Envelope:
    """Read an entry.

    Raises:
        MalformedEnvelope: `data` is missing, an attribute is no text, or deadline or priority has no known value.
    """
    if b"data" not in entry:
        names = ", ".join(sorted(repr(name.decode(errors="backslashreplace")) for name in entry))
        raise MalformedEnvelope(f"expected a field 'data' with the message as JSON, got only {names or 'no field'}")
    attributes: dict[str, Any] = {}
    for key, value in entry.items():
        name = key.decode(errors="replace")
        if name in _TEXT:
            attributes[name] = _text(name, value)
    if (deadline := entry.get(b"deadline")) is not None:
        attributes["deadline"] = _deadline(_text("deadline", deadline))
    if (priority := entry.get(b"priority")) is not None:
        attributes["priority"] = _priority(_text("priority", priority))
    return Envelope(data=entry[b"data"], **attributes)


def wrap(
    message: BaseModel,
    *,
    id: str,
    source: str,
    correlationid: str | None = None,
    causationid: str | None = None,
    replyto: str | None = None,
    deadline: int | None = None,
    priority: Priority = DEFAULT_PRIORITY,
    traceparent: str | None = None,
) -> Envelope:
    """Put `message` into an envelope."""
    return Envelope(
        data=message.model_dump_json().encode(),
        id=id,
        type=type(message).__name__,
        source=source,
        time=now(),
        correlationid=correlationid or id,
        causationid=causationid,
        replyto=replyto,
        deadline=deadline,
        priority=priority,
        traceparent=traceparent,
    )


def now() -> str:
    """The attribute `time` of what is sent now."""
    return _at(time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _at(milliseconds: int) -> str:  # forty tokens may be written in one
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEnvelope(f"expected attribute '{name}' as UTF-8 text, got {value[:40]!r}") from error


def _deadline(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise MalformedEnvelope(f"expected attribute 'deadline' in unix milliseconds, got '{text[:40]}'")
    return int(text)


def _priority(text: str) -> Priority:
    if text not in get_args(Priority):
        raise MalformedEnvelope(f"expected attribute 'priority' interactive, desk or batch, got '{text[:40]}'")
    return cast(Priority, text)
