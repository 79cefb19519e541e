"""What the trainer can be told."""

from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings


class TrainerSettings(MeshSettings):
    """Settings of the trainer (`OSIRIS_TRAINER_…`)."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_TRAINER_", env_file=".env", extra="ignore", populate_by_name=True
    )
