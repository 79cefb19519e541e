"""Events of the desk's feed that are no messages of the mesh."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from osiris_contracts._base import Contract, UtcTime
from osiris_contracts.operations import ModelStatus


class CritiquePiece(Contract):
    """A piece of a critique that hermes is still writing."""

    run_id: UUID = Field(description="The run whose proposal it is about.")
    index: int = Field(ge=0, description="0, 1, 2, … within one critique; one that came before is a repetition.")
    text: str = Field(description="The text since the piece before.")


class ServiceState(Contract):
    """One service, all its instances together."""

    service: str = Field(description="The service.")
    state: Literal["ready", "starting", "draining", "away"] = Field(
        description="ready: an instance can work; away: none lives, though one did not say goodbye."
    )
    instances: int = Field(ge=0, description="Living instances.")
    in_flight: int = Field(ge=0, description="Messages being handled.")
    started_at: UtcTime | None = Field(default=None, description="When the oldest living instance started, UTC.")
    model: ModelStatus | None = Field(default=None, description="Its model, when it has one.")


class ServiceStates(Contract):
    """Every service that lives, or died."""

    services: tuple[ServiceState, ...] = Field(description="By name.")


class QueueState(Contract):
    """What a consumer group has left to do on a stream."""

    stream: str = Field(description="The stream.")
    group: str = Field(description="The consumer group.")
    lag: int = Field(ge=0, description="Entries it was not handed yet.")
    pending: int = Field(ge=0, description="Entries it was handed and has not finished.")
    oldest_seconds: float = Field(ge=0, description="Since the oldest of them was published, seconds.")


class QueueStates(Contract):
    """Every group of the desk's streams."""

    queues: tuple[QueueState, ...] = Field(description="By stream and group.")


class DeadCounts(Contract):
    """Dead letters that wait for somebody to look at them."""

    streams: dict[str, int] = Field(description="How many of each stream that has any.")


class Versions(Contract):
    """What decides now."""

    phi3: str | None = Field(description="Version of phi3 that answers; null when none does.")
    hermes: str | None = Field(description="Version of hermes that answers; null when none does.")
    policy: str | None = Field(description="The policy of the last decision; null before the first.")


class Dropped(Contract):
    """What a reader that was too slow did not get, since it connected. Decisions and what belongs to them never go."""

    ticks: int = Field(ge=0, description="Bars, the oldest first.")
    pieces: int = Field(ge=0, description="Pieces of critiques; the decision has the whole text.")


class CaughtUp(Contract):
    """What came before happened before the reader came; what follows happens now."""
