"""A stream entry: the contract as JSON in `data`, the CloudEvents attributes beside it as plain text fields.

Every attribute is optional for an outside publisher; unknown fields are kept out of the way.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import Any, cast, get_args

from pydantic import BaseModel

from osiris_contracts import Priority, streams
from osiris_contracts.streams import DEFAULT_PRIORITY

MAX_ENTRY_BYTES = 8 * 2**20
"""Of all fields and their names together; answers with log-probabilities and spoken sentences are the longest."""

MAX_FIELDS = 64
MAX_ATTRIBUTE_BYTES = 1_000

_DEADLINE_DIGITS = 15  # the year 33658
_SHOWN = 40

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
_TEXT = {name.encode(): name for name in _ATTRIBUTES if name not in ("deadline", "priority")}
_PRIORITIES = frozenset(get_args(Priority))


class MalformedEnvelope(ValueError):
    """An entry without a payload, too large, or with an attribute that cannot be read."""


def parse(entry: dict[bytes, bytes]) -> Envelope:
    """Read an entry.

    Raises:
        MalformedEnvelope: it is too large, `data` is missing, an attribute is no text or too long, deadline or
            priority has no known value, or the answer would go where the desk itself works.
    """
    if too_large := excess(entry):
        raise MalformedEnvelope(too_large)
    if b"data" not in entry:
        names = ", ".join(sorted(repr(name[:_SHOWN].decode(errors="backslashreplace")) for name in entry))
        raise MalformedEnvelope(f"expected a field 'data' with the message as JSON, got only {names or 'no field'}")
    attributes: dict[str, Any] = {name: _text(name, entry[key]) for key, name in _TEXT.items() if key in entry}
    if (deadline := entry.get(b"deadline")) is not None:
        attributes["deadline"] = _deadline(_text("deadline", deadline))
    if (priority := entry.get(b"priority")) is not None:
        attributes["priority"] = _priority(_text("priority", priority))
    if streams.is_the_desks_own(replyto := attributes.get("replyto", "")):
        raise MalformedEnvelope(
            f"expected attribute 'replyto' to name a stream of the sender's, got '{replyto[:_SHOWN]}', the desk's own"
        )
    return Envelope(data=entry[b"data"], **attributes)


def excess(entry: dict[bytes, bytes]) -> str:
    """In words, by what an entry is too large to be read; '' when it is not."""
    if len(entry) > MAX_FIELDS:
        return f"expected at most {MAX_FIELDS} fields in an entry, got {len(entry)}"
    size = size_of(entry)
    return f"expected an entry of at most {MAX_ENTRY_BYTES} bytes, got {size}" if size > MAX_ENTRY_BYTES else ""


def size_of(entry: dict[bytes, bytes]) -> int:
    """Bytes of all fields and their names."""
    return sum(map(len, entry)) + sum(map(len, entry.values()))


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
        data=to_json(message),
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


def to_json(message: BaseModel) -> bytes:
    """What `message.model_dump_json()` says, in half its time."""
    return message.__pydantic_serializer__.to_json(message)


def now() -> str:
    """The attribute `time` of what is sent now."""
    return _at(time_ns() // 1_000_000)


@lru_cache(maxsize=1)
def _at(milliseconds: int) -> str:  # forty tokens may be written in one
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{_whole(seconds)}.{rest:03}Z"


@lru_cache(maxsize=1)
def _whole(seconds: int) -> str:  # a thousand messages may be sent in one
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def _text(name: str, value: bytes) -> str:
    if len(value) > MAX_ATTRIBUTE_BYTES:
        raise MalformedEnvelope(f"expected attribute '{name}' of at most {MAX_ATTRIBUTE_BYTES} bytes, got {len(value)}")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedEnvelope(f"expected attribute '{name}' as UTF-8 text, got {value[:_SHOWN]!r}") from error


def _deadline(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DEADLINE_DIGITS):
        raise MalformedEnvelope(f"expected attribute 'deadline' in unix milliseconds, got '{text[:_SHOWN]}'")
    return int(text)


def _priority(text: str) -> Priority:
    if text not in _PRIORITIES:
        raise MalformedEnvelope(f"expected attribute 'priority' interactive, desk or batch, got '{text[:_SHOWN]}'")
    return cast(Priority, text)
