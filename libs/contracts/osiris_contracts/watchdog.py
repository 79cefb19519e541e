"""What the watchdog did, and what holds it back."""

from typing import Literal

from pydantic import Field

from osiris_contracts._base import Contract, UtcTime

WatchdogAct = Literal["restart_asked", "circuit_opened", "circuit_closed", "limit_ahead", "read_failed"]


class WatchdogEvent(Contract):
    """One act of the watchdog, on `watchdog.events`."""

    event: WatchdogAct = Field(
        description="restart_asked: it told the service to restart; circuit_opened: it gave up on the service until a "
        "person says otherwise; circuit_closed: a person did; limit_ahead: at this slope the limit is near; "
        "read_failed: there was nothing to read."
    )
    service: str = Field(min_length=1, max_length=200, description="The service it is about.")
    instance: str | None = Field(default=None, max_length=200, description="The instance; null: the whole service.")
    device: str | None = Field(default=None, max_length=200, description="The GPU that was read; null: main memory.")
    at: UtcTime = Field(description="When, UTC.")
    memory_mib: float | None = Field(default=None, ge=0, description="What was read, MiB; null: nothing.")
    limit_mib: float = Field(gt=0, description="What it must not be above for long, MiB.")
    restarts: int = Field(default=0, ge=0, description="Restarts asked for within the window, this one included.")
    seconds_to_limit: float | None = Field(
        default=None, ge=0, description="limit_ahead only: how long until it is full."
    )
    dry_run: bool = Field(default=False, description="Whether it was only told, and not done.")
    reason: str = Field(default="", max_length=500, description="In words.")


class WatchdogBrake(Contract):
    """What holds the watchdog back from one service; kept in the hash `watchdog:brakes`."""

    restarts: tuple[float, ...] = Field(default=(), description="When restarts were asked for, unix seconds.")
    open: bool = Field(default=False, description="Whether it gave up until a person says otherwise.")
