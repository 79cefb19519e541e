"""What every contract shares: frozen, closed, finite; and the field types used by more than one."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """A message or body of the mesh. Immutable, refuses unknown fields, NaN and infinities.

    What it refuses is not repeated in the error, which may end in a log: it may be somebody's prompt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


QUIET = ConfigDict(hide_input_in_errors=True)
"""For unions of contracts, whose own config pydantic does not look at."""


def _as_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_as_utc)]
"""A moment; a time without an offset is read as UTC."""

SYMBOL_PATTERN = r"^[A-Z0-9.\-]{1,12}$"

Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN)]
"""A ticker: 1 to 12 of A-Z, 0-9, dot and hyphen."""

Price = Annotated[float, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
Score = Annotated[float, Field(ge=0, le=10)]
ModelId = Literal["hermes", "phi3"]
Priority = Literal["interactive", "desk", "batch"]
"""Who goes first when more wait than can be served, in this order."""
