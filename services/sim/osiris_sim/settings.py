"""What the sim can be told, on the command line or in the environment."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from osiris_contracts import Symbol, streams
from osiris_desk.market import dates
from osiris_mesh import MeshSettings
from osiris_sim import speed


def _is_speed(text: str) -> str:
    speed.seconds_per_bar(text)
    return text


def _is_date(text: str) -> str:
    dates.parse(text)
    return text


class SimSettings(MeshSettings):
    """Settings of the sim (`OSIRIS_SIM_…`): the defaults of its command line."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_SIM_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        allow_inf_nan=False,
    )

    csv: Path | None = Field(default=None, description="CSV file of bars; default: the bundled hourly EURUSD of 2017.")
    symbol: Symbol | None = Field(
        default=None, description="What the bars are of; default: the file's name in capitals."
    )
    channel: str = Field(default=streams.MARKET_TICKS, min_length=1, description="Stream the ticks go to.")
    order_channel: str = Field(
        default=streams.MARKET_ORDERS,
        min_length=1,
        description="Stream of orders; what came of them goes to market.fills.",
    )
    speed: Annotated[str, AfterValidator(_is_speed)] | None = Field(
        default=None, description="Nx for 1/N seconds a bar, or max; default: 1x."
    )
    delay: float | None = Field(default=None, ge=0, description="Seconds a bar, in place of a speed.")
    from_date: Annotated[str, AfterValidator(_is_date)] | None = Field(
        default=None, description="First bar: YYYY-MM-DD[ HH:MM[:SS]], ISO 8601 or MM/DD/YYYY, UTC."
    )
    to_date: Annotated[str, AfterValidator(_is_date)] | None = Field(
        default=None, description="Last bar, in the same forms; a day is included."
    )
    commission_rate: float = Field(default=0.001, ge=0, lt=1, description="Fee of a fill, a fraction of its notional.")
    slippage_impact: float = Field(
        default=0.1,
        ge=0,
        description="How far an order for the whole volume of a bar moves its price, as a fraction of the price.",
    )
    starting_cash: float = Field(default=100_000.0, gt=0, description="Cash of the account, quote currency.")
    seed: int = Field(default=0, description="Part of every message id: the same replay sends the same ids.")
    loop: bool = Field(default=False, description="Start over after the last bar, with later times.")
    pace_group: str = Field(
        default=streams.DESK_GROUP,
        description="Consumer group of the ticks that bars wait for: the next comes when it, if any, has finished "
        "the last; empty: they wait for nobody.",
    )
    no_wait: bool = Field(
        default=False, description="End after the last bar, without waiting for the readers of the ticks."
    )
    restart: bool = Field(default=False, description="Replay from the first bar, though an earlier run was cut short.")

    @model_validator(mode="after")
    def _speed_or_delay(self) -> Self:
        if self.speed is not None and self.delay is not None:
            raise ValueError("expected speed or delay, got both")
        return self

    @property
    def seconds_per_bar(self) -> float:
        """Seconds between bars; 0 for as fast as it goes."""
        return speed.seconds_per_bar(self.speed or "1x") if self.delay is None else self.delay
