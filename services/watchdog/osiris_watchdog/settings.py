"""What the watchdog can be told, on the command line or in the environment."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from osiris_mesh import MeshSettings
from osiris_watchdog.brake import Pace
from osiris_watchdog.guard import Rules


class WatchdogSettings(MeshSettings):
    """Settings of the watchdog (`OSIRIS_WATCHDOG_…`)."""

    model_config = SettingsConfigDict(
        env_prefix="OSIRIS_WATCHDOG_", env_file=".env", extra="ignore", populate_by_name=True, allow_inf_nan=False
    )

    meter: Literal["auto", "gpu", "memory"] = Field(
        default="auto",
        description="What is watched: gpu, the memory of NVIDIA GPUs; memory, that of every service's processes; "
        "auto: gpu where there is one.",
    )
    interval_seconds: float = Field(default=60.0, gt=0, description="Between two readings, seconds.")
    reads: int = Field(default=3, ge=1, description="Readings in a row above the limit before it acts.")
    gpu_limit_mib: float = Field(
        default=10_752.0, gt=0, description="A GPU may hold so much, MiB (10.5 GB); strictly above it is too much."
    )
    memory_limit_mib: float = Field(
        default=2_048.0, gt=0, description="A process may hold so much, MiB; strictly above it is too much."
    )
    gpu_service: str = Field(
        default="hermes",
        min_length=1,
        description="Who is restarted when a GPU is full of processes that the watchdog cannot tell apart.",
    )
    cooldown_seconds: float = Field(
        default=300.0, ge=0, description="Pause after a restart of a service, seconds; doubled with each further one."
    )
    max_restarts: int = Field(
        default=3, ge=1, description="Restarts of a service within the window; then it gives up until a person resumes."
    )
    window_seconds: float = Field(default=3600.0, gt=0, description="Over which restarts are counted, seconds.")
    warn_seconds: float = Field(
        default=1800.0, ge=0, description="It warns when at the current slope the limit is reached so soon, seconds."
    )
    max_iterations: int = Field(default=0, ge=0, description="Readings before it ends; 0: for ever.")
    dry_run: bool = Field(default=False, description="Tell what it would do, and restart nothing.")

    def rules(self, *, gpu: bool) -> Rules:
        """When it acts."""
        pace = Pace(self.cooldown_seconds, self.max_restarts, self.window_seconds)
        limit = self.gpu_limit_mib if gpu else self.memory_limit_mib
        return Rules(limit_mib=limit, reads=self.reads, pace=pace, warn_seconds=self.warn_seconds)
