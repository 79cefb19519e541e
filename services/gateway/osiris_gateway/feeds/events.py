"""Entries of streams as events for clients."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from osiris_contracts import (
    EXECUTION,
    REPLY,
    AssessmentSpoken,
    AudioClip,
    Chunk,
    CritiquePiece,
    Decision,
    DeskStatus,
    Feedback,
    MarketTick,
    Order,
    ProposalAssessed,
    ProposalCreated,
    streams,
)
from osiris_gateway.feeds.place import Place, encode
from osiris_mesh import MalformedEnvelope
from osiris_mesh.entry_id import EntryId
from osiris_mesh.envelope import parse
from osiris_mesh.feed import Entry

TICK, PIECE = "tick", "critique"

DESK: dict[str, tuple[str, Any]] = {
    streams.PROPOSAL_CREATED: ("proposal", TypeAdapter(ProposalCreated)),
    streams.ORCHESTRATOR_REPLIES: (PIECE, REPLY),
    streams.PROPOSAL_ASSESSED: ("assessed", TypeAdapter(ProposalAssessed)),
    streams.ADVICE_GENERATED: ("decision", TypeAdapter(Decision)),
    streams.MARKET_ORDERS: ("order", TypeAdapter(Order)),
    streams.MARKET_FILLS: ("fill", EXECUTION),
    streams.MARKET_TICKS: (TICK, TypeAdapter(MarketTick)),
    streams.FEEDBACK_SUBMITTED: ("feedback", TypeAdapter(Feedback)),
    streams.ASSESSMENT_SPOKEN: ("spoken", TypeAdapter(AssessmentSpoken)),
    streams.DESK_STATUS: ("control", TypeAdapter(DeskStatus)),
}
"""The streams of the desk's feed, and what each becomes.

Entries of one millisecond come in this order: cause before effect. It is part of event ids too: add at the end.
"""

AUDIO = (streams.AUDIO_BYTES,)


@dataclass(slots=True)
class Event:
    """One event for every client; its bytes are made once.

    Attributes:
        kind: its name; '' for an event that has none.
        data: one line.
        index, entry_id: which entry of which stream it is; index -1 when it is of none.
        place: where a client is that has it; None where it cannot come back to it.
    """

    kind: str
    data: str
    index: int = -1
    entry_id: EntryId = (0, 0)
    place: Place | None = None
    _wire: bytes = field(default=b"", repr=False)

    @property
    def wire(self) -> bytes:
        """As it goes out."""
        self._wire = self._wire or self.at(self.place)
        return self._wire

    def at(self, place: Place | None) -> bytes:
        """As it goes out to a client that is at another place."""
        event_id = f"id: {self._id(place)}\n" if place else ""
        name = f"event: {self.kind}\n" if self.kind else ""
        return f"{event_id}{name}data: {self.data}\n\n".encode()

    def _id(self, place: Place) -> str:
        return encode(place) if self.kind else "{}-{}".format(*place[0])  # the clips' is their entry's


def state(kind: str, message: BaseModel) -> Event:
    """An event that tells how things are now: a newer one of its kind takes its place."""
    return Event(kind, message.model_dump_json())


def of_desk(entry: Entry) -> tuple[str, str] | None:
    """Kind and data of an entry; None for what is no event, such as what does not keep its contract."""
    kind, contract = DESK[entry.stream]
    try:
        envelope = parse(entry.fields)
        message = contract.validate_json(envelope.data)
        if kind == PIECE:
            if not isinstance(message, Chunk) or envelope.source != "hermes":
                return None
            run = UUID(envelope.correlationid or "")
            message = CritiquePiece(run_id=run, index=message.index, text=message.text)
    except (MalformedEnvelope, ValidationError, ValueError):
        return None  # whoever consumes the stream puts it aside
    return kind, message.model_dump_json()


def of_audio(entry: Entry) -> tuple[str, str] | None:
    """A clip's WAV file, base64."""
    try:
        return "", AudioClip.model_validate_json(parse(entry.fields).data).wav_b64
    except (MalformedEnvelope, ValidationError):
        return None
