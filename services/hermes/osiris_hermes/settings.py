"""What hermes can be told."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_inference.settings import EngineSettings


class HermesSettings(EngineSettings):
    """Settings of hermes (`OSIRIS_HERMES_…`)."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_HERMES_", env_file=".env", extra="ignore", populate_by_name=True
    )

    temperature: float = Field(
        default=0.7, ge=0, le=2, description="Sampling temperature of a request that names none; 0 is greedy."
    )
    system_prompt: str = Field(
        default="You are Hermes, the analyst of a trading desk. Answer in plain English, briefly.",
        description="System prompt of a request that brings none.",
    )
