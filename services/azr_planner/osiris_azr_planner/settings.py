"""What the planner can be told."""

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from osiris_mesh.http.settings import HttpSettings


class PlannerSettings(HttpSettings):
    """Settings of the planner (`OSIRIS_AZR_PLANNER_…`)."""

    model_config = SettingsConfigDict(env_prefix="OSIRIS_AZR_PLANNER_")

    # its probes are on the port it serves
    probe_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        validation_alias=AliasChoices("OSIRIS_AZR_PLANNER_HOST"),
        description="Address on which the planner listens; one beyond loopback needs a key.",
    )
    probe_port: int = Field(
        default=8001,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("OSIRIS_AZR_PLANNER_PORT"),
        description="Port on which the planner listens.",
    )
    position_limit: float = Field(
        default=1_000_000.0,
        gt=0,
        allow_inf_nan=False,
        description="What the new legs of a plan may be worth together, quote currency; more is rejected.",
    )
    half_life: float = Field(
        default=500.0,
        gt=0,
        allow_inf_nan=False,
        description="Outcomes of the kernel after which a lesson counts half: the policy it was learned on changes.",
    )
    least_reward: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The kernel is told NOP when the best change promises less, a share of the stages of verification.",
    )
