"""What the desk's owner tells it, and how it stands."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from osiris_contracts._base import Contract, UtcTime

DeskOrder = Literal["pause", "resume", "stop", "allow"]


class DeskControlBody(Contract):
    """Body of POST /desk/pause, /desk/resume, /desk/stop and /desk/allow."""

    reason: str = Field(default="", max_length=500, description="Why, for whoever looks later.")


class DeskCommand(DeskControlBody):
    """What the owner wants of the desk; obeyed once, in order, also by a desk that was away when it was said."""

    command: DeskOrder = Field(
        description="pause: take no more bars; resume: take them again; stop: no new exposure, only orders that "
        "reduce it; allow: new exposure again."
    )


class DeskStatus(Contract):
    """How the desk stands after a command; it stays so until the next, whatever is restarted."""

    paused: bool = Field(description="Whether it takes no bars.")
    orders_stopped: bool = Field(description="Whether it takes no new exposure.")
    command: DeskOrder = Field(description="The command it obeyed.")
    command_id: str = Field(description="Message id of the command.")
    reason: str = Field(default="", max_length=500, description="Why, as the command said.")
    changed_at: UtcTime = Field(description="When it obeyed, UTC.")


class DeskReceipt(Contract):
    """Answer of POST /desk/pause, /desk/resume, /desk/stop and /desk/allow."""

    command: DeskOrder = Field(description="The command.")
    command_id: UUID = Field(description="Message id of the command.")
    confirmed: bool = Field(
        description="Whether the desk has obeyed; if not, it will as soon as it can: the command is kept for it."
    )
    status: DeskStatus | None = Field(description="How the desk stands; null while nobody ever told it anything.")
