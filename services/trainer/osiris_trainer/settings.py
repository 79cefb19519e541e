"""What the trainer can be told."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings


class TrainerSettings(MeshSettings):
    """Settings of the trainer (`OSIRIS_TRAINER_…`)."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_TRAINER_", env_file=".env", extra="ignore", populate_by_name=True
    )

    versions_days: float = Field(
        default=0.0,
        ge=0,
        description="How long replaced versions of the tables can be gone back to, days; each write keeps one, which "
        "costs disk. 0: a minute, for those who read.",
    )
    compact_minutes: float = Field(default=10.0, gt=0, description="Between two compactions of the tables, minutes.")
