"""What the kernel can be told."""

from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings


class DgmSettings(MeshSettings):
    """Settings of the Darwin-Goedel kernel (`OSIRIS_DGM_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_DGM_", env_file=".env", extra="ignore", populate_by_name=True)

    redis_host: str | None = Field(
        default=None,
        min_length=1,
        validation_alias=AliasChoices("REDIS_HOST", "redis_host"),
        description="Host of Redis, where OSIRIS_REDIS_URL is unset.",
    )
    redis_port: int = Field(
        default=6379,
        ge=1,
        le=65535,
        validation_alias=AliasChoices("REDIS_PORT", "redis_port"),
        description="Its port.",
    )
    bars: Path | None = Field(default=None, description="CSV of bars to judge policies on; unset: the bundled ones.")
    symbol: str = Field(default="EURUSD", min_length=1, description="Their symbol.")
    root: Literal["trend", "advised"] = Field(
        default="trend",
        description="The shipped policy that the first candidates are made from; advised asks phi3, who answers no "
        "backtest.",
    )
    seed: int = Field(default=0, ge=0, description="Of every draw: equal seeds and bars, equal tries.")
    traces_per_generation: int = Field(default=20, ge=1, description="Traces that have to come between two tries.")
    holdout_queries: int = Field(default=20, ge=0, description="How often the sealed bars may be asked in all.")
    hermes_share: float = Field(
        default=0.2, ge=0, le=1, description="Share of the tries that hermes writes; the mutators do the others."
    )
    hermes_seconds: float = Field(default=120.0, gt=0, description="How long hermes may take, seconds.")
    planner_seconds: float = Field(
        default=1.0, ge=0, description="How long the planner may take to say what to try, seconds; 0: it is not asked."
    )
    shadow_bars: int = Field(default=500, ge=100, description="Bars a version decides in the shadow before its canary.")
    canary_runs: int = Field(default=50, ge=20, description="Outcomes of a canary before it becomes current.")
    watch_runs: int = Field(default=200, ge=20, description="Outcomes of a new current one before it is trusted.")
    promotion_hours: float = Field(default=1.0, gt=0, description="Between two promotions, at least, hours.")

    @model_validator(mode="after")
    def _found_by_host(self) -> Self:
        if self.redis_host and "redis_url" not in self.model_fields_set:
            self.redis_url = f"redis://{self.redis_host}:{self.redis_port}/0"
        return self

    @property
    def kernel(self) -> Path:
        """Where the archive and the state of the kernel lie."""
        return self.home / "dgm"

    @property
    def archive(self) -> Path:
        """Where every version that was tried lies."""
        return self.kernel / "archive"
