"""What phi3 can be told."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_inference.settings import EngineSettings


class Phi3Settings(EngineSettings):
    """Settings of phi3 (`OSIRIS_PHI3_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_PHI3_")

    temperature: float = Field(
        default=0.0, ge=0, le=2, description="Sampling temperature of a request that names none; 0 is greedy."
    )
