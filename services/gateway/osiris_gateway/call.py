"""One call of a client: what it belongs to, how long it may take, how urgent it is, whether it may come again."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid5

from litestar import Request
from litestar.params import HeaderParameter

from osiris_contracts import Priority
from osiris_gateway.idempotency import Idempotency, Remembered
from osiris_gateway.resume import Progress
from osiris_mesh import new_uuid
from osiris_mesh.http.credentials import Admission

HEADERS = {
    "idempotency_key": "Idempotency-Key",
    "last_event_id": "Last-Event-ID",
    "deadline_ms": "X-Osiris-Deadline-Ms",
    "priority": "X-Osiris-Priority",
}
"""The headers by the names of the parameters of `Calls.read`."""

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name=HEADERS["idempotency_key"],
        min_length=1,
        max_length=200,
        required=False,
        description="A call repeated with the same key within a day is made once, and answered the same each time.",
    ),
]
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name=HEADERS["last_event_id"],
        pattern=r"^\d{1,7}(\.\d{1,7}){0,127}$",
        required=False,
        description="With `stream` and Idempotency-Key: go on after this event.",
    ),
]
DeadlineMs = Annotated[
    int | None,
    HeaderParameter(
        name=HEADERS["deadline_ms"],
        ge=1,
        le=3_600_000,
        required=False,
        description="Milliseconds from now after which the answer is worth nothing; past them nobody works on it.",
    ),
]
CallPriority = Annotated[
    Priority,
    HeaderParameter(
        name=HEADERS["priority"], required=False, description="interactive (default), desk or batch: who goes first."
    ),
]


class ResumeWithoutKey(Exception):
    """A client that wants the rest of an answer that nobody kept."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the headers of a call say.

    Attributes:
        run: what all it causes belongs to.
        timeout: seconds the answer may take.
        priority: of what it asks the models.
        remembered: the record of its key, when it has one.
        resume: events of each answer that the client has already, when it comes back for the rest.
        admission: under which key it came, and how much that may still do.
    """

    run: UUID
    timeout: float
    priority: Priority = "interactive"
    remembered: Remembered | None = None
    resume: tuple[int, ...] = ()
    admission: Admission | None = None

    def request_id(self, part: str) -> str | None:
        """The message id of one thing it asks, the same whenever the call comes again; None when it has no key."""
        return str(uuid5(self.run, part)) if self.remembered else None

    def progress(self, answers: int = 1) -> Progress:
        """Where the client is in its so many streamed answers."""
        return Progress(answers, self.resume, told=self.remembered is not None)


class Calls:
    """Reads the headers of calls.

    Args:
        timeout: seconds an answer may take where the client says nothing.
    """

    def __init__(self, idempotency: Idempotency, timeout: float) -> None:
        self._idempotency = idempotency
        self._timeout = timeout

    async def read(
        self,
        request: Request[Any, Any, Any],
        idempotency_key: IdempotencyKey = None,
        last_event_id: LastEventId = None,
        deadline_ms: DeadlineMs = None,
        priority: CallPriority = "interactive",
    ) -> Call:
        """The call.

        Raises:
            KeyReused: the key was used for another body.
            ResumeWithoutKey: there is a Last-Event-ID and no key.
        """
        admission: Admission = request.user
        timeout = self._timeout if deadline_ms is None else min(self._timeout, deadline_ms / 1000)
        if idempotency_key is None:
            if last_event_id is not None:
                raise ResumeWithoutKey(
                    "expected with Last-Event-ID the Idempotency-Key of the first call, there is none"
                )
            return Call(new_uuid(), timeout, priority, admission=admission)
        remembered = await self._idempotency.remember(
            key=_digest(admission.who, request.url.path.rstrip("/"), idempotency_key),
            fingerprint=_digest((await request.body()).decode(errors="backslashreplace")),
        )
        resume = tuple(map(int, last_event_id.split("."))) if last_event_id else ()
        return Call(remembered.run, timeout, priority, remembered, resume, admission)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
