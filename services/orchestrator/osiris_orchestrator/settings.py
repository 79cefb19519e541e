"""What the orchestrator can be told, on the command line or in the environment."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from osiris_contracts import streams
from osiris_desk import answers
from osiris_desk.rules import MAX_HORIZON, Rules
from osiris_mesh import MeshSettings, shared


class OrchestratorSettings(MeshSettings):
    """Settings of the orchestrator (`OSIRIS_ORCHESTRATOR_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_ORCHESTRATOR_")

    market_channel: str = Field(
        default=streams.MARKET_TICKS, min_length=1, description="Stream that the ticks come from."
    )
    ticks_per_proposal: int = Field(default=5, ge=1, description="Bars of a symbol between two runs.")
    max_position_size_pct: float = Field(
        default=1.0, gt=0, le=100, description="A position stays below this share of NAV, percent."
    )
    max_daily_loss_pct: float = Field(
        default=2.0, gt=0, le=100, description="At this loss of the day nothing new is risked, percent of NAV."
    )
    starting_cash: float = Field(default=100_000.0, gt=0, description="Cash of a new book, quote currency.")
    seed: int = Field(default=0, description="Of the models' sampling: the same bars and seed, the same decisions.")
    outcome_bars: int | None = Field(
        default=None,
        ge=1,
        le=MAX_HORIZON,
        description="Bars after which the gain or loss of a decision is told, at most 500; unset: as many as lie "
        "between two runs.",
    )
    record: Path | None = Field(default=None, description="File that the models' answers are recorded in; unset: none.")
    replay: Path | None = Field(
        default=None,
        description="Recorded answers that are used in place of the models'; with a file to record in, the models are "
        "asked for what it lacks. Unset: none.",
    )
    model_timeout_seconds: float = Field(
        default=60.0, gt=0, description="How long a model may take before the run is recorded as failed, seconds."
    )
    fill_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long a bar waits for the venue's report of an earlier order, seconds."
    )
    speech: bool = Field(
        default=True,
        validation_alias=shared("SPEECH"),
        description="Whether the desk speaks: tts runs, and assessments are spoken.",
    )
    speech_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Seconds after an assessment in which it must be spoken; later it is no news."
    )

    @field_validator("replay")
    @classmethod
    def _is_recording(cls, path: Path | None) -> Path | None:
        if path is not None:
            answers.read(path)
        return path

    @property
    def rules(self) -> Rules:
        """The rules the desk follows."""
        return Rules(
            ticks_per_proposal=self.ticks_per_proposal,
            max_position_size_pct=self.max_position_size_pct,
            max_daily_loss_pct=self.max_daily_loss_pct,
            starting_cash=self.starting_cash,
            seed=self.seed,
            outcome_bars=self.outcome_bars,
        )
