"""What phi3 can be told."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_inference.settings import EngineSettings


class Phi3Settings(EngineSettings):
    """Settings of phi3 (`OSIRIS_PHI3_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_PHI3_")

    temperature: float = Field(
        default=0.0, ge=0, le=2, description="Sampling temperature of a request that names none; 0 is greedy."
    )
    few_shot: Literal["off", "on", "ab"] = Field(
        default="on",
        description="Whether the owner's corrections are shown before the prompt: off, on, or ab for every second "
        "request, by its message id.",
    )
    few_shot_count: int = Field(default=3, ge=1, le=16, description="Corrections shown at most.")
    few_shot_tokens: int = Field(default=768, ge=0, description="Tokens that they may take together.")
    canary_share: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the requests that a newly published version answers at first; 0: all of them at once.",
    )
    canary_answers: int = Field(
        default=50, ge=1, description="Its answers after which it answers all requests, unless it does worse."
    )
    watched_answers: int = Field(
        default=500,
        ge=1,
        description="Its answers until which its acceptance is compared with the version before; worse: rolled back.",
    )
